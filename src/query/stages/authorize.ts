import { allows, allowsSome, demand, lacks, type Target } from '../access/allows.ts'
import { grantsMark, requireSameGrants, requireStatement, requireTold } from '../access/require-statement.ts'
import { GatewayError } from '../errors.ts'
import type { Stage } from '../pipeline.ts'
import type { Router } from '../router.ts'
import type { Source } from '../source.ts'
import type { PlannedIngest, PlannedStatement, Principal, Query } from '../types.ts'

/** Whether a principal may change data of a source, or of a part of it. */
export function mayWrite(source: { readonly name: string; readonly writes: boolean }, principal: Principal): boolean {
  return source.writes && (['write', 'ingest'] as const).some((verb) => allowsSome(principal, verb, source.name))
}

/** The verb that a statement needs to run. */
function verbOf(kind: Exclude<PlannedStatement['kind'], 'ingest'>, { purpose }: Query): 'read' | 'write' {
  return kind === 'update' || purpose === 'write' ? 'write' : 'read'
}

/** The table of an upload. */
function targetOf({ query: { session }, ingest }: PlannedIngest, { name, catalog: { current } }: Source): Target {
  const { catalog = session.catalog ?? current?.catalog, schema = session.schema ?? current?.schema, table } = ingest
  return { source: name, catalog, schema, table }
}

/** An engine may tell names that are like an unknown one: a principal that may not read all of the source does not get them. */
async function namingNoOthers<T>(work: Promise<T>, { name }: Source, principal: Principal): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'UNKNOWN_OBJECT') throw error
    if (allows(principal, 'read', { source: name })) throw error
    throw new GatewayError('UNKNOWN_OBJECT', undefined, { cause: error })
  }
}

/** Rejects statements that the grants of the principal do not allow, and changes of sources that are read-only. */
export function authorize(router: Router): Stage {
  const requireWrites = ({ name, writes }: Source) => {
    if (writes) return
    throw new GatewayError(
      'READ_ONLY',
      `The source ${name} is read-only: set sources.${name}.writes: true to allow it.`,
    )
  }
  return {
    name: 'authorize',
    async plan(query, ctx, next) {
      const { principal } = ctx
      const source = router.ofQuery(query, principal)
      if (query.estimate) await requireStatement('estimate', query, source, ctx)
      else if (!allows(principal, 'write', { source: source.name })) {
        // Only the plan tells whether the statement reads or changes data.
        const mayRead = allowsSome(principal, 'read', source.name)
        if (!mayRead && !allowsSome(principal, 'write', source.name))
          throw lacks(principal, 'read', { source: source.name })
        // Before the engine plans it, since its errors name what it finds.
        if (query.purpose === 'write') requireWrites(source)
        await requireStatement(query.purpose === 'write' || !mayRead ? 'write' : 'read', query, source, ctx)
      }
      const plan = await namingNoOthers(next(query, ctx), source, principal)
      if (plan.kind !== 'read' && query.purpose === 'read') throw new GatewayError('UNSAFE_STATEMENT')
      const verb = verbOf(plan.kind, query)
      if (verb === 'write') requireWrites(source)
      if (!query.estimate) await requireStatement(verb, query, source, ctx)
      // The source may have changed the text; what it told is about its own.
      await requireTold(query.estimate ? 'estimate' : verb, { ...plan, query }, source, ctx)
      const mark = await grantsMark(verb, { ...plan, query }, source, ctx)
      return mark ? { ...plan, ...mark } : plan
    },
    async run(plan, ctx, next) {
      const { principal } = ctx
      const source = router.ofQuery(plan.query, principal)
      if (plan.kind === 'ingest') {
        requireWrites(source)
        if (!allows(principal, 'ingest', { source: source.name })) {
          if (!allowsSome(principal, 'ingest', source.name)) throw lacks(principal, 'ingest', { source: source.name })
          demand(principal, 'ingest', targetOf(plan, source))
        }
        return await next(plan, ctx)
      }
      const verb = verbOf(plan.kind, plan.query)
      if (verb === 'write') requireWrites(source)
      const required = requireStatement(verb, plan.query, source, ctx)
      if (required) {
        await required
        requireSameGrants(verb, plan, source, ctx)
      }
      const mayChange =
        plan.kind === 'read' &&
        plan.query.purpose !== 'read' &&
        source.writes &&
        allows(principal, 'write', { source: source.name })
      const running = next(mayChange ? { ...plan, mayWrite: true } : plan, ctx)
      return await (required ? namingNoOthers(running, source, principal) : running)
    },
  }
}
