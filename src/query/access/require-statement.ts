import { GatewayError } from '../errors.ts'
import { plainChange } from '../facts/plain-change.ts'
import type { Source } from '../source.ts'
import type { Context, Plan, PlannedSql, Principal, Query } from '../types.ts'
import { allows, allowsSome, lacks, sees, type Target } from './allows.ts'
import type { Verb } from './grant.ts'
import { grantsDigest, grantsOf } from './roles.ts'
import { statementTables } from './statement-tables.ts'

type Caller = Pick<Context, 'principal'>

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
  if (changes) demandTable(principal, verb === 'estimate' ? verb : 'write', changes, source)
  const reading = verb === 'estimate' ? verb : 'read'
  for (const target of changes && readsChanged ? [changes, ...reads] : reads)
    demandTable(principal, reading, target, source)
}

/**
 * Requires the grant on a table that a statement names. Where no grant mentions the catalog that the name begins with, the message
 * tells only that: the caller may have meant a source, and must not learn which others exist.
 * @throws GatewayError FORBIDDEN
 */
function demandTable(principal: Principal, verb: Verb, target: Target, { name, catalog }: Source): void {
  if (allows(principal, verb, target)) return
  const { schema = '', table = '' } = target
  const path = catalog.hasPaths ? schema.split('.') : [target.catalog ?? name, schema]
  const first = path[0]!.toLowerCase()
  const isOwn = [name, catalog.current?.catalog].some((each) => each?.toLowerCase() === first)
  if (path.length < 2 || isOwn || sees(principal, first) || mentions(principal, first))
    throw lacks(principal, verb, target)
  const why = `there is no source, catalog or schema ${first} for it`
  throw new GatewayError(
    'FORBIDDEN',
    `${principal.name} lacks the grant ${verb} on ${[...path, table].join('.')}: ${why}.`,
  )
}

/** Whether a grant names something whose name begins with a part, in lower case. */
function mentions(principal: Principal, part: string): boolean {
  return grantsOf(principal).some(({ schemas = [], tables = [] }) =>
    [...schemas, ...tables].some((name) => name === part || name.startsWith(`${part}.`)),
  )
}

/** What a plan tells of its statement. */
type Told = Pick<Plan, 'estimate'> & { readonly query: Pick<Query, 'sql'> }
type TellingSource = Pick<Source, 'name' | 'dialect' | 'tellsTables'>

/**
 * Requires the grants on tables that the engine told when it planned a statement: those behind views too. A change needs `read` on
 * all of them but the one that it changes.
 * @throws GatewayError FORBIDDEN; the signal's reason
 */
export async function requireTold(verb: StatementVerb, plan: Told, source: TellingSource, ctx: Context): Promise<void> {
  const missing = await missingOfTold(verb, plan, source, ctx)
  const { principal } = ctx
  if (missing) throw lacks(principal, verb === 'estimate' ? verb : 'read', missing)
}

/**
 * The mark of a plan at a source that tells tables only when it plans: a digest of the grants that allow them all, if the principal has
 * grants on parts of the source. A plan for an estimate has none if its statement may not run.
 * @param verb that the run of the statement needs
 */
export async function grantsMark(
  verb: StatementVerb,
  plan: Told,
  source: TellingSource,
  ctx: Context,
): Promise<Pick<PlannedSql, 'grantsDigest'> | undefined> {
  const { principal } = ctx
  if (!source.tellsTables || allows(principal, verb, { source: source.name })) return undefined
  return (await missingOfTold(verb, plan, source, ctx)) ? undefined : { grantsDigest: grantsDigest(principal) }
}

/**
 * Requires that the grants are those which allowed the tables that the engine told: a run is not told them again.
 * @throws GatewayError FORBIDDEN
 */
export function requireSameGrants(
  verb: StatementVerb,
  { grantsDigest: marked }: Pick<PlannedSql, 'grantsDigest'>,
  { name: source, tellsTables }: TellingSource,
  { principal }: Caller,
): void {
  if (!tellsTables || allows(principal, verb, { source }) || marked === grantsDigest(principal)) return
  throw new GatewayError(
    'FORBIDDEN',
    'The statement was planned with other grants than yours are now, or only to estimate it: plan it again.',
  )
}

/** The first table that the engine told and that the grants do not cover. */
async function missingOfTold(
  verb: StatementVerb,
  { estimate, query }: Told,
  { name: source, dialect = 'standard' }: TellingSource,
  ctx: Context,
): Promise<Target | undefined> {
  const { principal } = ctx
  const tables = estimate?.referencedTables
  if (!tables || allows(principal, verb, { source })) return undefined
  const changed = verb === 'write' ? (await plainChange(query.sql, dialect, ctx))?.table.join('.') : undefined
  for (const name of tables) {
    const lower = name.toLowerCase()
    if (changed !== undefined && (lower === changed || lower.endsWith(`.${changed}`))) continue
    const parts = name.split('.')
    const [schema, table] = parts.slice(-2)
    const catalog = parts.length > 2 ? parts.slice(0, -2).join('.') : undefined
    const target = { source, catalog, schema, table }
    if (!allows(principal, verb === 'estimate' ? verb : 'read', target)) return target
  }
  return undefined
}
