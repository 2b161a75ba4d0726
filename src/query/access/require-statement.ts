import { plainChange } from '../facts/plain-change.ts'
import type { Source } from '../source.ts'
import type { Context, Query } from '../types.ts'
import { allows, allowsSome, demand, lacks } from './allows.ts'
import { statementTables } from './statement-tables.ts'

/** A verb of SQL statements. */
export type StatementVerb = 'read' | 'write' | 'estimate'

/**
 * Requires that the grants of the caller allow a statement: on its source, or on each of its tables. A statement whose tables cannot
 * be told needs the grant on the source.
 * @throws GatewayError FORBIDDEN, also as a rejection
 */
export function requireStatement(
  verb: StatementVerb,
  query: Query,
  source: Source,
  ctx: Context,
): void | Promise<void> {
  const { name } = source
  const { principal } = ctx
  if (allows(principal, verb, { source: name })) return
  if (!allowsSome(principal, verb, name)) throw lacks(principal, verb, { source: name })
  return requireTables(verb, query, source, ctx)
}

async function requireTables(verb: StatementVerb, query: Query, source: Source, ctx: Context): Promise<void> {
  const { principal } = ctx
  const untold = (why: string) =>
    lacks(
      principal,
      verb,
      { source: source.name },
      `Its grants cover parts of the source, and the tables of this statement cannot be told, since it ${why}.`,
    )
  const tables = await statementTables(query, source, ctx)
  if (typeof tables === 'string') throw untold(tables)
  const { reads, changes, readsChanged } = tables
  if (verb === 'write' && !changes) throw untold('is no plain INSERT, UPDATE or DELETE')
  if (changes) demand(principal, verb === 'estimate' ? verb : 'write', changes)
  const reading = verb === 'estimate' ? verb : 'read'
  for (const target of changes && readsChanged ? [changes, ...reads] : reads) demand(principal, reading, target)
}

/**
 * Requires the grants on tables that the engine told when it planned a statement: those behind views too. A change needs `read` on
 * all of them but the one that it changes.
 * @param tables as `Estimate.referencedTables`
 * @throws GatewayError FORBIDDEN
 */
export function requireTold(
  verb: StatementVerb,
  tables: readonly string[],
  { sql }: Pick<Query, 'sql'>,
  { name: source, dialect = 'standard' }: Pick<Source, 'name' | 'dialect'>,
  { principal }: Pick<Context, 'principal'>,
): void {
  if (allows(principal, verb, { source })) return
  const changed = verb === 'write' ? plainChange(sql, dialect)?.table.join('.') : undefined
  for (const name of tables) {
    const lower = name.toLowerCase()
    if (changed !== undefined && (lower === changed || lower.endsWith(`.${changed}`))) continue
    const parts = name.split('.')
    const [schema, table] = parts.slice(-2)
    const catalog = parts.length > 2 ? parts.slice(0, -2).join('.') : undefined
    demand(principal, verb === 'estimate' ? verb : 'read', { source, catalog, schema, table })
  }
}
