import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { TopStatement, UsageRow, UsageSelection } from '../ledger.ts'
import { State } from './schema.ts'

type Row = Readonly<Record<string, SQLInputValue>>

/** Sums of a ledger's file for people. They may take seconds, so they have a connection, and a thread, of their own. */
export class LedgerReports {
  readonly #db: DatabaseSync

  /** @param path a file that exists */
  constructor(path: string) {
    this.#db = new DatabaseSync(path, { readOnly: true, timeout: 2000 })
  }

  usage(selection: UsageSelection): UsageRow[] {
    const { by } = selection
    const columns = by.map((each) => (each === 'group' ? 'grp AS "group"' : each))
    const { where, values } = conditionOf(selection)
    // Rows of groups repeat those of all statements.
    const ofGroups = by.includes('group') || selection.group !== undefined
    const sql = `SELECT ${[...columns, 'sum(statements) AS statements', 'sum(nano) AS nano', 'sum(billed) AS billed', 'sum(slot_ms) AS slots', 'sum(cache_hits) AS hits'].join(', ')}
      FROM usage WHERE ${where} AND grp ${ofGroups ? '<>' : '='} ''
      ${by.length > 0 ? `GROUP BY ${by.map((_, i) => i + 1).join(', ')} ORDER BY ${by.map((_, i) => i + 1).join(', ')}` : ''}`
    return this.#all(sql, values).map((row) => ({
      ...Object.fromEntries(by.map((each) => [each, String(row[each])])),
      statements: Number(row['statements']),
      nanoUsd: Number(row['nano']),
      billedBytes: Number(row['billed']),
      slotMs: Number(row['slots']),
      cacheHits: Number(row['hits']),
    }))
  }

  top(selection: Omit<UsageSelection, 'by'>, limit: number): TopStatement[] {
    const { where, values } = conditionOf({ ...selection, group: undefined })
    const ofGroup = selection.group === undefined ? '' : 'AND EXISTS (SELECT 1 FROM json_each(groups) WHERE value = ?)'
    const rows = this.#all(
      `SELECT hash, max(text) AS text, source, principal, count(*) AS runs, sum(spent) AS nano, sum(billed) AS billed FROM statements
       WHERE ${where} ${ofGroup} AND state IN (${State.settled}, ${State.expired})
       GROUP BY hash, source, principal ORDER BY nano DESC, billed DESC, hash LIMIT ?`,
      [...values, ...(selection.group === undefined ? [] : [selection.group]), limit],
    )
    return rows.map((row) => ({
      hash: String(row['hash']),
      ...(row['text'] !== null && { text: String(row['text']) }),
      source: String(row['source']),
      principal: String(row['principal']),
      runs: Number(row['runs']),
      nanoUsd: Number(row['nano']),
      billedBytes: Number(row['billed']),
    }))
  }

  close(): void {
    this.#db.close()
  }

  #all(sql: string, values: readonly SQLInputValue[]): Row[] {
    return this.#db.prepare(sql).all(...values) as Row[]
  }
}

function conditionOf({
  fromDay,
  toDay,
  source,
  principal,
  group,
  label,
}: Omit<UsageSelection, 'by' | 'group'> & { readonly group?: string | undefined }) {
  const conditions = ['day BETWEEN ? AND ?']
  const values = [fromDay, toDay]
  for (const [column, value] of Object.entries({ source, principal, grp: group, label }))
    if (value !== undefined) {
      conditions.push(`${column} = ?`)
      values.push(value)
    }
  return { where: conditions.join(' AND '), values }
}
