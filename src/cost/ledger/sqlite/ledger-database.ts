import { closeSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { JobReference } from '../../../query/billing/charge.ts'
import { accountKey, accountsOf } from '../account-key.ts'
import { billingCalendar } from '../billing-calendar.ts'
import { MAX_LABELS, OTHER_LABELS } from '../labels.ts'
import type {
  Balance,
  BillingCalendar,
  BudgetLimit,
  LedgerEntry,
  LedgerState,
  OpenReservation,
  Reservation,
  ReserveOutcome,
  Settlement,
} from '../ledger.ts'
import { migrationFrom, SCHEMA_VERSION, State } from './schema.ts'

/** Expired reservations that one call looks after. */
const MAX_EXPIRED = 100
/** Old statements that one call deletes. */
const MAX_PRUNED = 100
const MARK_MS = 62 * 86_400_000
/** How long single statements are kept; sums are kept. */
const STATEMENT_MS = 100 * 86_400_000
/** How long the names of labels are kept: statements are reserved for the day that is now. */
const LABELS_MS = 2 * 86_400_000
const PRUNE_INTERVAL_MS = 60_000
/** How long a call waits for another process that writes, in milliseconds. */
const BUSY_MS = 2000
const OWNER_ONLY = 0o600

const stateNames = Object.keys(State) as LedgerState[]

type Row = Readonly<Record<string, SQLInputValue>>

/** A ledger in a SQLite file. Its calls block: it belongs on a thread of its own. */
export class LedgerDatabase {
  readonly #db: DatabaseSync
  readonly #calendar: BillingCalendar
  readonly #prepared = new Map<string, StatementSync>()
  #prunedAt = Number.NEGATIVE_INFINITY

  /** @throws Error if the file cannot be used */
  constructor(path: string, timeZone: string) {
    this.#calendar = billingCalendar(timeZone)
    // SQLite would let everybody read a new file; its other files take the rights of this one.
    closeSync(openSync(path, 'a', OWNER_ONLY))
    this.#db = new DatabaseSync(path, { timeout: BUSY_MS })
    // A process that dies loses nothing; a machine that loses power may lose the last transactions, but not the file.
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    this.#atomically(() => {
      const version = Number(this.#db.prepare('PRAGMA user_version').get()?.['user_version'])
      if (version > SCHEMA_VERSION) throw new Error(`the ledger ${path} was written by a newer version of flightgate`)
      this.#db.exec(migrationFrom(version))
    })
  }

  reserve(reservation: Reservation, limits: readonly BudgetLimit[]): ReserveOutcome {
    const { id, source, principal, groups, statement, nanoUsd, bytes, at, expiresAt } = reservation
    return this.#atomically(() => {
      this.#expire(at)
      if (this.#stateOf(id) !== undefined) return { balances: this.balances(limits, at) }
      const before = this.balances(limits, at)
      const refusedBy = limits.findIndex(({ maxNanoUsd }, i) => {
        const { spentNanoUsd, reservedNanoUsd } = before[i]!
        return nanoUsd > 0 && spentNanoUsd + reservedNanoUsd + nanoUsd > maxNanoUsd
      })
      if (refusedBy >= 0) return { refusedBy, balances: before }
      const day = this.#calendar.dayOf(at)
      this.#run(
        `INSERT INTO statements (id, source, principal, groups, hash, text, day, label, state, nano, bytes, at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ${State.reserved}, ?, ?, ?, ?)`,
        ...[
          id,
          source,
          principal,
          JSON.stringify(groups),
          statement.hash,
          statement.text ?? null,
          day,
          this.#labelOf(reservation, day),
        ],
        ...[nanoUsd, bytes, at, expiresAt],
      )
      this.#addToSpans(reservation, day, 0, nanoUsd)
      return { balances: this.balances(limits, at) }
    })
  }

  submitted(id: string, { project, location, jobId }: JobReference, expiresAt: number): boolean {
    return (
      this.#run(
        `UPDATE statements SET state = ${State.submitted}, project = ?, location = ?, job_id = ?, expires_at = ?
         WHERE id = ? AND state <= ${State.submitted}`,
        ...[project, location, jobId, expiresAt, id],
      ) > 0
    )
  }

  settle(id: string, settlement: Settlement): void {
    this.#atomically(() => this.#end(id, settlement, [State.reserved, State.submitted, State.expired]))
  }

  correct(id: string, settlement: Settlement): void {
    this.#atomically(() => this.#end(id, settlement, Object.values(State)))
  }

  release(id: string): void {
    this.#atomically(() => {
      const row = this.#one('SELECT * FROM statements WHERE id = ?', id)
      if (row && Number(row['state']) <= State.submitted) this.#giveBack(row)
    })
  }

  balances(of: readonly Pick<BudgetLimit, 'account' | 'period'>[], at: number): Balance[] {
    return of.map(({ account, period }) => {
      const row = this.#one(
        `SELECT MIN(spent, ${Number.MAX_SAFE_INTEGER}) AS spent, MIN(reserved, ${Number.MAX_SAFE_INTEGER}) AS reserved
         FROM spans WHERE account = ? AND span = ?`,
        ...[accountKey(account), this.#calendar[period === 'day' ? 'dayOf' : 'monthOf'](at)],
      )
      return { spentNanoUsd: Number(row?.['spent'] ?? 0), reservedNanoUsd: Number(row?.['reserved'] ?? 0) }
    })
  }

  mark(name: string, at: number): boolean {
    return this.#run('INSERT OR IGNORE INTO marks (name, at) VALUES (?, ?)', name, at) > 0
  }

  open(limit: number): OpenReservation[] {
    return this.#all(
      `SELECT * FROM statements WHERE state IN (${State.submitted}, ${State.expired}) AND job_id IS NOT NULL ORDER BY at LIMIT ?`,
      limit,
    ).map((row) => ({
      ...payersOf(row),
      id: String(row['id']),
      ...(row['label'] !== '' && { label: String(row['label']) }),
      statement: { hash: String(row['hash']), ...(row['text'] !== null && { text: String(row['text']) }) },
      nanoUsd: Number(row['nano']),
      bytes: Number(row['bytes']),
      at: Number(row['at']),
      expiresAt: Number(row['expires_at']),
      job: { project: String(row['project']), location: String(row['location']), jobId: String(row['job_id']) },
    }))
  }

  entries(ids: readonly string[]): LedgerEntry[] {
    return ids.flatMap((id) => {
      const row = this.#one('SELECT id, state, nano, spent, bytes, billed, source, at FROM statements WHERE id = ?', id)
      if (!row) return []
      const isHeld = Number(row['state']) <= State.submitted
      return {
        id,
        state: stateNames[Number(row['state'])]!,
        nanoUsd: Number(row[isHeld ? 'nano' : 'spent']),
        billedBytes: Number(row[isHeld ? 'bytes' : 'billed']),
        source: String(row['source']),
        at: Number(row['at']),
      }
    })
  }

  close(): void {
    this.#prepared.clear()
    this.#db.close()
  }

  /** Sets what a statement has cost, if its state is one of these. */
  #end(id: string, settlement: Settlement, states: readonly number[]): void {
    const row = this.#one('SELECT * FROM statements WHERE id = ?', id)
    if (row && states.includes(Number(row['state']))) this.#spend(row, settlement, State.settled)
  }

  /** Replaces what a statement holds or has cost by another amount. */
  #spend(row: Row, { nanoUsd, billedBytes, slotMs = 0, cacheHit = false }: Settlement, state: number): void {
    const before = Number(row['state'])
    const isHeld = before <= State.submitted
    const slots = Math.round(slotMs)
    this.#run(
      'UPDATE statements SET state = ?, spent = ?, billed = ?, slot_ms = ?, cache_hit = ? WHERE id = ?',
      ...[state, nanoUsd, billedBytes, slots, Number(cacheHit), row['id']!],
    )
    const payers = payersOf(row)
    const day = String(row['day'])
    this.#addToSpans(payers, day, nanoUsd - Number(row['spent']), isHeld ? -Number(row['nano']) : 0)
    const isNew = isHeld || before === State.released
    for (const group of ['', ...new Set(payers.groups)])
      this.#run(
        `INSERT INTO usage (day, source, principal, grp, label, statements, nano, billed, slot_ms, cache_hits)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET statements = statements + excluded.statements, nano = nano + excluded.nano,
           billed = billed + excluded.billed, slot_ms = slot_ms + excluded.slot_ms, cache_hits = cache_hits + excluded.cache_hits`,
        ...[day, payers.source, payers.principal, group, row['label']!, Number(isNew)],
        ...[
          nanoUsd - Number(row['spent']),
          billedBytes - Number(row['billed']),
          slots - Number(row['slot_ms']),
          Number(cacheHit) - Number(row['cache_hit']),
        ],
      )
  }

  #giveBack(row: Row): void {
    this.#run(`UPDATE statements SET state = ${State.released} WHERE id = ?`, row['id']!)
    this.#addToSpans(payersOf(row), String(row['day']), 0, -Number(row['nano']))
  }

  /** Ends reservations that have expired: what was submitted counts as spent, the rest is given back. */
  #expire(at: number): void {
    const expired = this.#all(
      `SELECT * FROM statements WHERE state <= ${State.submitted} AND expires_at <= ? ORDER BY expires_at LIMIT ${MAX_EXPIRED}`,
      at,
    )
    for (const row of expired)
      if (Number(row['state']) === State.reserved) this.#giveBack(row)
      else this.#spend(row, { nanoUsd: Number(row['nano']), billedBytes: Number(row['bytes']), at }, State.expired)
    if (performance.now() - this.#prunedAt < PRUNE_INTERVAL_MS) return
    this.#prunedAt = performance.now()
    this.#run(
      `DELETE FROM statements WHERE id IN (SELECT id FROM statements WHERE day < ? AND state IN (${State.settled}, ${State.released}) LIMIT ${MAX_PRUNED})`,
      this.#calendar.dayOf(at - STATEMENT_MS),
    )
    this.#run('DELETE FROM marks WHERE at < ?', at - MARK_MS)
    this.#run('DELETE FROM labels WHERE day < ?', this.#calendar.dayOf(at - LABELS_MS))
  }

  #addToSpans(payers: Parameters<typeof accountsOf>[0], day: string, spent: number, reserved: number): void {
    if (spent === 0 && reserved === 0) return
    for (const account of accountsOf(payers))
      for (const span of [day, day.slice(0, 7)])
        this.#run(
          `INSERT INTO spans (account, span, spent, reserved) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET spent = spent + excluded.spent, reserved = reserved + excluded.reserved`,
          ...[accountKey(account), span, spent, reserved],
        )
  }

  /** The label under which a statement counts; empty without one. */
  #labelOf({ principal, label }: Reservation, day: string): string {
    if (label === undefined) return ''
    const of = [day, principal, label]
    this.#run(
      `INSERT OR IGNORE INTO labels (day, principal, label)
       SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM labels WHERE day = ?1 AND principal = ?2) < ${MAX_LABELS}`,
      ...of,
    )
    const isKept = this.#one('SELECT 1 FROM labels WHERE day = ? AND principal = ? AND label = ?', ...of) !== undefined
    return isKept ? label : OTHER_LABELS
  }

  #stateOf(id: string): number | undefined {
    const row = this.#one('SELECT state FROM statements WHERE id = ?', id)
    return row && Number(row['state'])
  }

  /** One write transaction, which waits for those of other processes. */
  #atomically<T>(change: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const result = change()
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql)
    if (!statement) {
      statement = this.#db.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    return statement
  }

  #one(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[]
  }

  /** @returns number of changed rows */
  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes)
  }
}

function payersOf(row: Row): Pick<Reservation, 'source' | 'principal' | 'groups'> {
  return {
    source: String(row['source']),
    principal: String(row['principal']),
    groups: JSON.parse(String(row['groups'])) as string[],
  }
}
