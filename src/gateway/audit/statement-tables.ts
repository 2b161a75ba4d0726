import type { EndedStatement } from '../../query/audit/audit-trail.ts'
import { deriveContext } from '../../query/derive-context.ts'
import { changedTable } from '../../query/facts/changed-table.ts'
import { textFactsOf } from '../../query/facts/facts-of.ts'
import type { TextFacts } from '../../query/facts/facts-pass.ts'
import { plainChange } from '../../query/facts/plain-change.ts'
import type { CacheObstacle } from '../../query/facts/statement-facts.ts'
import type { Source } from '../../query/source.ts'
import type { Context } from '../../query/types.ts'
import { factsOfSource } from '../cache/facts-of-source.ts'

/** Names of the tables that a statement reads and changes, in lower case; null if they are not known. */
export interface StatementTables {
  readonly read: readonly string[] | null
  readonly changed: readonly string[] | null
}

/** What stands in the way of the cache, but not of the names of tables. */
const harmless: ReadonlySet<CacheObstacle> = new Set([
  'volatile-function',
  'unknown-function',
  'session-state',
  'sample',
  'system-table',
  'temporary-table',
])

/** The tables of statements at a source, as far as their text and the definitions of the source's views tell. */
export async function tablesOf(ended: EndedStatement, source: Source): Promise<StatementTables> {
  const { kind, sql, ctx } = ended
  const dialect = source.dialect ?? 'standard'
  if (kind === 'ingest') return { read: [], changed: [ended.ingestTable!.toLowerCase()] }
  // The call has ended, and with it its signal may have aborted.
  const call = deriveContext(ctx, { signal: new AbortController().signal })
  if (kind === 'update') {
    const changed = changedTable(sql, dialect)
    return { read: await readByChange(sql, source, call), changed: changed === undefined ? null : [changed] }
  }
  return { read: await readByQuery(sql, source, call), changed: kind === 'read' ? [] : null }
}

async function readByQuery(sql: string, source: Source, call: Context): Promise<readonly string[] | null> {
  const query = { source: source.name, sql, session: {}, purpose: 'read' } as const
  const { reads } = source.definitions ? await factsOfSource(query, source, call, undefined) : { reads: undefined }
  return reads ?? tablesInText(await textFactsOf(sql, source.dialect ?? 'standard', call))
}

/** The tables that a plain INSERT, UPDATE or DELETE reads: those of its query or its conditions, and its own if it looks for rows there. */
async function readByChange(sql: string, source: Source, call: Context): Promise<readonly string[] | null> {
  const change = await plainChange(sql, source.dialect ?? 'standard', call)
  if (!change) return null
  const others = change.rest === '' ? [] : await readByQuery(change.rest, source, call)
  if (!others || !change.isRead) return others
  const own = source.definitions ? change.table.at(-1)! : change.table.join('.')
  return [...new Set([own, ...others])]
}

function tablesInText({ obstacle, tables }: TextFacts): readonly string[] | null {
  if (obstacle !== undefined && !harmless.has(obstacle)) return null
  return [...new Set(tables.map((parts) => parts.join('.')))]
}
