import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { untilAborted } from '../../async/until-aborted.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Stage } from '../../query/pipeline.ts'
import { holding } from '../../query/results/holding.ts'
import type { Source } from '../../query/source.ts'
import type { Context, Plan, Query } from '../../query/types.ts'
import type { ChangeLog, ChangesSince, ReadScope, Snapshot } from '../changes/change-log.ts'
import type { Revisions } from '../key/revisions.ts'

/** How the plans of a source are kept. */
export interface PlanRules {
  /** Whether all principals share the plans. */
  readonly isShared: boolean
  /** Names of request metadata on which plans may depend. */
  readonly metadataNames: readonly string[]
  /** Whether the source reads the raw bytes of a command otherwise than the same statement. */
  readonly hasOwnCommands: boolean
}

/** Dependencies of the plan cache. */
export interface PlanCacheDependencies {
  /** How long a plan is kept, in milliseconds; 0 keeps none. */
  readonly ttlMs: number
  /** The source of a name. */
  sourceOf(name: string): Pick<Source, 'reusablePlan'>
  /** Undefined for a source without a cache. */
  rulesOf(source: string): PlanRules | undefined
  readonly revisions: Revisions
  readonly changes: ChangeLog
  readonly observer: PlanCacheObserver
}

/** Is told what the plan cache does. */
export interface PlanCacheObserver {
  /** @param result HIT, also for a planning that another statement had begun, or MISS; statements that are planned each time are not told */
  onPlan(source: string, result: 'HIT' | 'MISS'): void
}

/** Memory for plans, in bytes. */
const MAX_BYTES = 16 << 20
/** Longer statements and parameters are planned each time. */
const MAX_INPUT_BYTES = 64 << 10
/** Bytes of a plan without its text, schema and handle: objects, the estimate, the node of the list. */
const PLAN_BYTES = 2000

type NextPlan = (query: Query, ctx: Context) => Promise<Plan>

interface Kept {
  readonly plan: Plan
  readonly scope: ReadScope
  readonly snapshot: Snapshot
}

/**
 * Keeps what sources tell of statements: schema, parameters, estimate. A driver that prepares the same statement again, or asks for
 * its FlightInfo, makes no call to the engine. Statements that are planned at the same time share one call.
 * A plan leaves when its time is over, when a statement changes the source through the gateway, and when the run of its statement fails.
 */
export class PlanCache {
  readonly #deps: PlanCacheDependencies
  readonly #kept: LRUCache<string, Kept>
  readonly #running = new Map<string, Promise<Plan>>()
  /** The statement as the client asked for it, by the one that its source planned. */
  readonly #askedAs = new LRUCache<string, string>({ max: 10_000 })
  #hits = 0
  #misses = 0

  constructor(deps: PlanCacheDependencies) {
    this.#deps = deps
    this.#kept = new LRUCache({
      maxSize: MAX_BYTES,
      ttl: Math.max(1, deps.ttlMs),
      sizeCalculation: ({ plan: { query, schema, parameterSchema, handle } }) =>
        PLAN_BYTES +
        query.sql.length * 2 +
        [schema, parameterSchema, handle, query.parameters].reduce((sum, part) => sum + (part?.byteLength ?? 0), 0),
    })
  }

  get stats(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    return { entries: this.#kept.size, hits: this.#hits, misses: this.#misses }
  }

  clear(): void {
    this.#kept.clear()
  }

  /** The stage, next to the source: the stages outside it see each plan. */
  get stage(): Stage {
    return {
      name: 'keep-plans',
      plan: async (query, ctx, next) => {
        const statement = this.#statementOf(query, ctx)
        if (statement === undefined) return await next(query, ctx)
        const key = statement + wishOf(query)
        const kept = await this.#find(key, ctx)
        if (kept) return this.#reuse(kept, query)
        const running = this.#running.get(key)
        const shared = running && (await this.#join(running, ctx))
        if (shared) return this.#reuse(shared, query)
        return await this.#plan(statement, query, ctx, next)
      },
      run: async (plan, ctx, next) => {
        const statement = this.#kept.size > 0 && plan.kind !== 'ingest' ? this.#statementOf(plan.query, ctx) : undefined
        if (statement === undefined) return await next(plan, ctx)
        const onEnd = (error: unknown) => {
          if (error !== undefined) this.#forget(statement)
        }
        return await holding(() => next(plan, ctx), { onEnd })
      },
    }
  }

  #reuse(plan: Plan, query: Query): Plan {
    this.#hits++
    this.#deps.observer.onPlan(query.source, 'HIT')
    // A source may have changed the text; the options are those of this caller.
    return { ...plan, query: { ...query, sql: plan.query.sql } }
  }

  async #find(key: string, { principal }: Context): Promise<Plan | undefined> {
    const kept = this.#kept.get(key)
    if (!kept) return undefined
    let since: ChangesSince
    try {
      since = await this.#deps.changes.since(kept.scope, kept.snapshot, principal.name)
    } catch (error) {
      if (GatewayError.from(error).code === 'STATE_UNAVAILABLE') return undefined
      throw error
    }
    if (since.kind === 'none') return kept.plan
    this.#kept.delete(key)
    return undefined
  }

  /** Waits for another planning of the same statement; undefined if that one's caller left. */
  async #join(running: Promise<Plan>, ctx: Context): Promise<Plan | undefined> {
    try {
      return await untilAborted(running, ctx.signal)
    } catch (error) {
      ctx.signal.throwIfAborted()
      const { code } = GatewayError.from(error)
      if (code === 'CANCELLED' || code === 'DEADLINE') return undefined
      throw error
    }
  }

  async #plan(statement: string, query: Query, ctx: Context, next: NextPlan): Promise<Plan> {
    this.#misses++
    this.#deps.observer.onPlan(query.source, 'MISS')
    const key = statement + wishOf(query)
    let own: Plan | undefined
    const plan = async (): Promise<Plan> => {
      const scope: ReadScope = { source: query.source, tables: undefined, principal: ctx.principal.name, tags: [] }
      const snapshot = await this.#snapshot(scope)
      own = await next(query, ctx)
      const reusable = this.#deps.sourceOf(query.source).reusablePlan!(own)
      if (snapshot) this.#kept.set(key, { plan: reusable, scope, snapshot })
      // Its runs may tell that it is out of date.
      const planned = own.query.sql === query.sql ? statement : this.#statementOf(own.query, ctx)
      if (planned !== undefined && planned !== statement) this.#askedAs.set(planned, statement)
      return reusable
    }
    const running = plan()
    this.#running.set(key, running)
    try {
      await running
      return own!
    } finally {
      if (this.#running.get(key) === running) this.#running.delete(key)
    }
  }

  /** Undefined if the state that replicas share does not answer. */
  async #snapshot(scope: ReadScope): Promise<Snapshot | undefined> {
    try {
      return await this.#deps.changes.snapshot(scope)
    } catch (error) {
      if (GatewayError.from(error).code === 'STATE_UNAVAILABLE') return undefined
      throw error
    }
  }

  #forget(statement: string): void {
    for (const each of [statement, this.#askedAs.get(statement)])
      if (each !== undefined) for (const wish of wishes) this.#kept.delete(each + wish)
  }

  /** Digest of the statement, whatever the caller wants to know of it; undefined for one that is planned each time. */
  #statementOf(query: Query, ctx: Context): string | undefined {
    const { source, sql, parameters, session, transaction, rawCommand } = query
    const { cacheControl, catalog, schema, losslessTypes, dictionaries } = session
    if (this.#deps.ttlMs === 0 || transaction !== undefined || session.cache === false) return undefined
    if (cacheControl?.noCache || cacheControl?.noStore) return undefined
    if (sql.length + (parameters?.byteLength ?? 0) > MAX_INPUT_BYTES) return undefined
    const rules = this.#deps.rulesOf(source)
    if (!rules || !this.#deps.sourceOf(source).reusablePlan) return undefined
    const { revisions } = this.#deps
    const members = [
      source,
      revisions.ofSource(source),
      rules.isShared ? '' : revisions.ofPrincipal(ctx.principal),
      sql,
      parameters ? hash('sha256', parameters, 'base64url') : '',
      [catalog, schema, losslessTypes, dictionaries, rules.hasOwnCommands && rawCommand === true],
      rules.metadataNames.map((name) => ctx.metadata?.[name] ?? null),
    ]
    return hash('sha256', JSON.stringify(members), 'base64url')
  }
}

/** What the caller wants to know: another wish is another plan. */
function wishOf({ describe, estimate, purpose }: Pick<Query, 'describe' | 'estimate' | 'purpose'>): string {
  return `${describe ? 'd' : ''}${estimate ? 'e' : ''} ${purpose}`
}

/** All that `wishOf` returns. */
const wishes = [true, false].flatMap((describe) =>
  [true, false].flatMap((estimate) =>
    (['any', 'read', 'write'] as const).map((purpose) => wishOf({ describe, estimate, purpose })),
  ),
)
