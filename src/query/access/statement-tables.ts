import type { Catalog } from '../catalog.ts'
import type { SqlDialect } from '../facts/dialect.ts'
import { textFactsOf } from '../facts/facts-of.ts'
import { plainChange } from '../facts/plain-change.ts'
import type { CacheObstacle } from '../facts/statement-facts.ts'
import type { Source } from '../source.ts'
import type { Context, Query } from '../types.ts'
import type { Target } from './allows.ts'

/** The tables of a statement, each with its schema. */
export interface StatementTables {
  /** Tables and views by the names that the statement gives them, without the one that it changes. */
  readonly reads: readonly Target[]
  /** The only table that it changes; absent if it is a query. */
  readonly changes?: Target
  /** Whether it also reads the table that it changes, such as UPDATE. */
  readonly readsChanged?: boolean
}

/** Why the tables of a statement cannot be told: the end of a sentence that begins with "it". */
export type Untold = string

/** What else may read tables that the text does not name, or is no table that a grant can name. */
const untold: Partial<Readonly<Record<CacheObstacle, Untold>>> = {
  'unknown-function': 'calls a function that the gateway does not know',
  'external-data': 'reads files or services outside the engine',
  'not-a-query': 'is neither a query nor a plain INSERT, UPDATE or DELETE',
  'system-table': "reads the engine's own catalog",
  'temporary-table': 'reads temporary tables',
  'session-state': 'reads the state or the settings of the session',
  unreadable: 'is too long or cannot be read by the gateway',
}

/** Functions whose argument is the name of a sequence, which may be in any schema. In upper case. */
const sequenceCall = /(^|\.)(NEXTVAL|CURRVAL|SETVAL|LASTVAL)$/

/**
 * The tables of a statement, from its text; a sentence if they cannot be told.
 * @throws the signal's reason; GatewayError if the source does not list its catalogs or functions
 */
export async function statementTables(query: Query, source: Source, ctx: Context): Promise<StatementTables | Untold> {
  const dialect = source.dialect ?? 'standard'
  // Servers of their own dialects name tables in places that no reader for all of them can know.
  if (dialect === 'standard') return 'runs at a server whose dialect of SQL the gateway does not know'
  const change = await plainChange(query.sql, dialect, ctx)
  if (!change) return await readTables(query.sql, query, source, ctx)
  const rest = await readTables(change.rest, query, source, ctx)
  if (typeof rest === 'string') return rest
  const changes = await targetsOf(change.table, query, source, ctx)
  if (typeof changes === 'string') return changes
  if (changes.length !== 1) return 'names its table so that it may be one of two: write it with its catalog'
  return { ...rest, changes: changes[0]!, readsChanged: change.isRead }
}

async function readTables(
  sql: string,
  query: Query,
  source: Source,
  ctx: Context,
): Promise<Pick<StatementTables, 'reads'> | Untold> {
  const dialect: SqlDialect = source.dialect ?? 'standard'
  if (sql === '') return { reads: [] }
  const { obstacles, tables, calls } = await textFactsOf(sql, dialect, ctx)
  for (const obstacle of obstacles) {
    const why = untold[obstacle]
    if (why !== undefined) return why
  }
  for (const call of calls) if (sequenceCall.test(call)) return 'reads a sequence'
  // What users have defined may stand for a function that the gateway knows.
  const own = (await source.definitions?.())?.functions
  if (own)
    for (const call of calls) if (own.has(call.slice(call.lastIndexOf('.') + 1))) return untold['unknown-function']!
  const reads: Target[] = []
  for (const parts of tables) {
    const targets = await targetsOf(parts, query, source, ctx)
    if (typeof targets === 'string') return targets
    reads.push(...targets)
  }
  return { reads }
}

/** What a name may mean: all of it has to be granted. */
async function targetsOf(
  parts: readonly string[],
  { session }: Query,
  { name: source, catalog, dialect }: Source,
  ctx: Context,
): Promise<readonly Target[] | Untold> {
  const table = parts.at(-1)!
  const ownCatalog = session.catalog ?? catalog.current?.catalog
  const target = (more: Pick<Target, 'catalog' | 'schema'>): Target => ({ source, table, ...more })
  if (parts.length === 1) {
    const schema = session.schema ?? catalog.current?.schema
    if (schema === undefined) return 'names a table without its schema'
    // DuckDB looks into main too, where the chosen schema has no such table.
    const schemas = dialect === 'duckdb' && schema.toLowerCase() !== 'main' ? [schema, 'main'] : [schema]
    return schemas.map((each) => target({ catalog: ownCatalog, schema: each }))
  }
  if (catalog.hasPaths) {
    const paths = await pathsOf(parts.slice(0, -1), source, catalog, ctx)
    // The engine looks into the schema of the session first, also for names of several parts.
    const found = paths.flatMap((path) => [
      ...(path.length > 0 ? [path] : []),
      ...(session.schema === undefined ? [] : [[session.schema, ...path]]),
    ])
    if (found.length === 0) return 'names a table without its schema'
    return found.map((path) => target({ catalog: ownCatalog, schema: path.join('.') }))
  }
  if (parts.length > 3) return 'names a table by more than catalog, schema and table'
  const [first, second] = parts as [string, string]
  if (parts.length === 3) return [target({ catalog: first, schema: second })]
  // `a.b` is a table of the schema `a`, or of the catalog `a` in its default schema.
  const catalogs = (await catalog.catalogs(ctx)).map((each) => each.toLowerCase())
  const isCatalog = catalogs.includes(first)
  // The source's name stands for the catalog of a server that has none of this name.
  const named = ownCatalog ?? (catalogs.includes(source.toLowerCase()) ? undefined : source)
  const inSchema = target({ catalog: named, schema: first })
  return isCatalog ? [inSchema, target({ catalog: first, schema: catalog.current?.schema ?? 'main' })] : [inSchema]
}

/**
 * The paths that a path may mean: clients may write the source's name before it, which the source takes off. Where the engine has
 * something of that name, both count, so that it does not matter what the source knew at that moment.
 */
async function pathsOf(
  path: readonly string[],
  source: string,
  catalog: Catalog,
  ctx: Context,
): Promise<readonly (readonly string[])[]> {
  if (path[0] !== source.toLowerCase()) return [path]
  return (await catalog.hasOwn?.(source, ctx)) === false ? [path.slice(1)] : [path, path.slice(1)]
}
