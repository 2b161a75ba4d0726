import { GatewayError } from '../errors.ts'
import type { Principal } from '../types.ts'
import type { Grant, Verb } from './grant.ts'
import { grantsOf } from './roles.ts'

/** The part of a principal that decides what it may do. */
export type Grantee = Pick<Principal, 'name' | 'roles' | 'grants'>

/**
 * What a call is about: a table, all of a schema, all of a source, or, without a source, all sources. Names are those that queries
 * use, in any case.
 */
export interface Target {
  readonly source?: string | undefined
  readonly catalog?: string | undefined
  readonly schema?: string | undefined
  readonly table?: string | undefined
}

/** Whether a principal's grants allow a verb on all of a target. */
export function allows(principal: Pick<Grantee, 'roles' | 'grants'>, verb: Verb, target: Target = {}): boolean {
  return grantsOf(principal).some((grant) => grant.verbs.includes(verb) && covers(grant, target))
}

/**
 * Requires a grant.
 * @throws GatewayError FORBIDDEN, which names the grant that is missing
 */
export function demand(principal: Grantee, verb: Verb, target: Target = {}): void {
  if (!allows(principal, verb, target)) throw lacks(principal, verb, target)
}

/** The error of a principal that lacks a grant. @param why a sentence that is added, such as why the target is a whole source */
export function lacks({ name }: Pick<Grantee, 'name'>, verb: Verb, target: Target, why?: string): GatewayError {
  const sentence = `${name} lacks the grant ${verb} on ${targetText(target)}: a role must grant it.`
  return new GatewayError('FORBIDDEN', why === undefined ? sentence : `${sentence} ${why}`)
}

/** Whether a principal has a grant for a verb on a source, or on a part of it. */
export function allowsSome(principal: Pick<Grantee, 'roles' | 'grants'>, verb: Verb, source: string): boolean {
  return grantsOf(principal).some((grant) => grant.verbs.includes(verb) && hasSource(grant, source))
}

/** Whether a principal has any grant on a source or on a part of it. Without one, the source does not exist for it. */
export function sees(principal: Pick<Grantee, 'roles' | 'grants'>, source: string): boolean {
  return grantsOf(principal).some((grant) => hasSource(grant, source))
}

function hasSource({ sources }: Grant, source: string): boolean {
  return !sources || sources.includes(source.toLowerCase())
}

function covers(grant: Grant, { source, catalog, schema, table }: Target): boolean {
  const { sources, schemas, tables } = grant
  if (sources && (source === undefined || !sources.includes(source.toLowerCase()))) return false
  if (schemas && (schema === undefined || !isNamed(schemas, catalog, schema))) return false
  return !tables || (schema !== undefined && table !== undefined && isNamed(tables, catalog, `${schema}.${table}`))
}

function isNamed(names: readonly string[], catalog: string | undefined, name: string): boolean {
  const wanted = name.toLowerCase()
  return names.includes(wanted) || (catalog !== undefined && names.includes(`${catalog.toLowerCase()}.${wanted}`))
}

/** `lake.sales.orders`; the catalog is left out where it only repeats the source. */
function targetText({ source, catalog, schema, table }: Target): string {
  if (source === undefined) return 'all sources'
  const own = catalog?.toLowerCase() === source.toLowerCase() ? undefined : catalog
  return [source, own, schema, table].filter((part) => part !== undefined).join('.')
}
