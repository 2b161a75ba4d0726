import type { CacheOutcome } from '../query/cache/cache-outcome.ts'
import { GatewayError } from '../query/errors.ts'
import type { Context, PlannedRead, PlannedStatement, Result } from '../query/types.ts'
import type { BypassReason } from './bypass-reasons.ts'
import type { SourceRules } from './cache-rules.ts'
import { cachedRows } from './cached-rows.ts'
import type { ChangeLog } from './changes/change-log.ts'
import { changesSince } from './changes/changes-or-unknown.ts'
import type { CacheCounts } from './counts.ts'
import type { StatementFacts } from './facts/statement-facts.ts'
import { now } from './freshness/clock.ts'
import { judge } from './freshness/judge.ts'
import { cacheKey } from './key/cache-key.ts'
import type { Revisions } from './key/revisions.ts'
import type { Lookup, Next } from './lookup.ts'
import type { CacheEntry } from './memory/cache-entry.ts'
import type { MemoryTier } from './memory/memory-tier.ts'
import type { StoredRuns } from './stored-runs.ts'

/** Dependencies of cached reads. */
export interface CachedReadsDependencies {
  readonly isOn: boolean
  /** Rules by the name of the source. */
  readonly sources: ReadonlyMap<string, SourceRules>
  readonly revisions: Revisions
  readonly changes: ChangeLog
  readonly memory: MemoryTier
  readonly runs: StoredRuns
  readonly counts: CacheCounts
  factsOf(plan: PlannedRead, ctx: Context): StatementFacts | Promise<StatementFacts>
}

/** Rows of the cache. */
interface Found {
  readonly entry: CacheEntry
  readonly ageMs: number
  readonly ttlMs: number
}

/** Why the rows of an entry may not be served. */
interface Refused {
  readonly forward: NonNullable<CacheOutcome['forward']>
  /** Rows that may replace an error of the source. */
  readonly replacement?: Found
}

/** Largest parameters that are hashed for a key. */
const MAX_PARAMETER_BYTES = 1 << 20

/** Answers statements from the cache if it may, and lets the others run. */
export class CachedReads {
  readonly #deps: CachedReadsDependencies

  constructor(deps: CachedReadsDependencies) {
    this.#deps = deps
  }

  /** @throws GatewayError NOT_CACHED; what `next` throws */
  async run(plan: PlannedStatement, ctx: Context, next: Next): Promise<Result> {
    const { cacheControl: control } = plan.query.session
    if (plan.kind !== 'read') {
      if (control?.onlyIfCached) throw new GatewayError('NOT_CACHED')
      return await next(plan, ctx)
    }
    const asked = this.#lookupOf(plan, ctx)
    const lookup = asked instanceof Promise ? await asked : asked
    if (typeof lookup === 'string') return await this.#bypass(lookup, plan, ctx, next)
    const found = this.#deps.memory.get(lookup.key)
    const served = found?.identity === lookup.identity ? this.#judged(found, lookup, ctx, next) : undefined
    const result = served instanceof Promise ? await served : served
    if (result === 'unknown') return await this.#bypass('state-unavailable', plan, ctx, next)
    if (result && 'frames' in result) return result
    if (lookup.control.onlyIfCached) throw new GatewayError('NOT_CACHED')
    return await this.#miss(lookup, ctx, next, result)
  }

  /** What to look for; or why the cache does not apply. */
  #lookupOf(plan: PlannedRead, ctx: Context): Lookup | BypassReason | Promise<Lookup | BypassReason> {
    const { source, transaction, session, parameters } = plan.query
    const rules = this.#deps.sources.get(source)
    if (!this.#deps.isOn || !rules?.isEnabled) return 'disabled'
    if (transaction !== undefined) return 'transaction'
    if (session.cacheControl?.noStore) return 'no-store'
    if ((parameters?.byteLength ?? 0) > MAX_PARAMETER_BYTES) return 'large-parameters'
    const facts = this.#deps.factsOf(plan, ctx)
    if (!(facts instanceof Promise)) return this.#lookupBy(facts, plan, ctx, rules)
    return facts.then((read) => this.#lookupBy(read, plan, ctx, rules))
  }

  #lookupBy(facts: StatementFacts, plan: PlannedRead, ctx: Context, rules: SourceRules): Lookup | BypassReason {
    if (facts.obstacle) return facts.obstacle
    const { source, session } = plan.query
    const { canonical, reads } = facts
    const { isShared, metadataNames } = rules
    const control = session.cacheControl ?? {}
    const key = cacheKey(plan, ctx, { revisions: this.#deps.revisions, isShared, metadataNames, canonical })
    const scope = { source, tables: reads, principal: ctx.principal.name, tags: control.tags ?? [], key: control.key }
    return { plan, ...key, scope, rules, control, isForced: control.noCache === true || session.cache === false }
  }

  /**
   * The rows of an entry, or why they may not be served; undefined if an operator cleared the entry, and `unknown` if the state that
   * replicas share does not answer.
   */
  #judged(
    entry: CacheEntry,
    lookup: Lookup,
    ctx: Context,
    next: Next,
  ): Result | Refused | 'unknown' | undefined | Promise<Result | Refused | 'unknown' | undefined> {
    const since = changesSince(this.#deps.changes, entry.scope, entry.snapshot, ctx.principal.name)
    const decide = (known: Awaited<typeof since>): Result | Refused | 'unknown' | undefined => {
      if (known === 'unknown') return known
      const ageMs = now() - entry.startedAt
      const { state, ttlMs, evict, mayReplaceError } = judge(
        { ageMs, ttlMs: entry.ttlMs },
        known,
        lookup.rules,
        lookup.control,
      )
      if (evict) this.#deps.memory.delete(entry, evict)
      // A ticket that is redeemed again gets its own rows.
      const isRefused = lookup.isForced && (entry.execution === undefined || entry.execution !== lookup.plan.execution)
      const found = { entry, ageMs, ttlMs }
      if (evict === 'cleared') return undefined
      if (isRefused) return { forward: 'request' }
      if (state === 'unusable')
        return { forward: ttlMs > 0 ? 'request' : 'stale', ...(mayReplaceError && { replacement: found }) }
      if (state === 'stale' && !lookup.control.onlyIfCached) this.#deps.runs.revalidate(lookup, ctx, next)
      return this.#serve(found, ctx, state === 'fresh' ? 'HIT' : 'STALE')
    }
    return since instanceof Promise ? since.then(decide) : decide(since)
  }

  /** Runs a statement whose rows the cache does not have, or that asks for new ones. */
  async #miss(lookup: Lookup, ctx: Context, next: Next, refused: Refused | undefined): Promise<Result> {
    const { plan, scope, isForced } = lookup
    const forward = isForced ? 'request' : refused?.forward
    try {
      const run = await this.#deps.runs.run(lookup, ctx, next)
      if (!run) return await this.#bypass('state-unavailable', plan, ctx, next)
      const { result, isCollapsed, isStored } = run
      if (isCollapsed) this.#deps.counts.onCollapsed(scope.source)
      this.#tell(ctx, scope.source, {
        ...(isForced ? { result: 'BYPASS', detail: 'no-cache' } : { result: 'MISS' }),
        ...(forward && { forward }),
        ...(isCollapsed && { isCollapsed }),
        isStored,
      })
      return result
    } catch (error) {
      const { row, code } = GatewayError.from(error)
      if (!refused?.replacement || !row.retryable || !row.outage) throw error
      return this.#serve(refused.replacement, ctx, 'STALE', code)
    }
  }

  async #bypass(detail: BypassReason, plan: PlannedRead, ctx: Context, next: Next): Promise<Result> {
    const { source, session } = plan.query
    if (session.cacheControl?.onlyIfCached) throw new GatewayError('NOT_CACHED')
    if (this.#deps.isOn) this.#tell(ctx, source, { result: 'BYPASS', detail })
    return await next(plan, ctx)
  }

  #serve({ entry, ageMs, ttlMs }: Found, ctx: Context, result: 'HIT' | 'STALE', detail?: string): Result {
    const outcome = { result, ageMs, ttlMs, level: 'memory' } as const
    this.#tell(ctx, entry.scope.source, detail === undefined ? outcome : { ...outcome, detail })
    if (ctx.trace) ctx.trace.isShared = true
    return cachedRows(entry.recorded)
  }

  #tell(ctx: Context, source: string, outcome: CacheOutcome): void {
    if (ctx.trace) ctx.trace.cache = outcome
    const { counts } = this.#deps
    counts.onRequest(source, outcome.result)
    if (outcome.result === 'BYPASS') counts.onBypass(outcome.detail!)
  }
}
