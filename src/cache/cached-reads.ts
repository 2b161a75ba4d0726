import type { CacheOutcome } from '../query/cache/cache-outcome.ts'
import { GatewayError } from '../query/errors.ts'
import type { StatementFacts } from '../query/facts/statement-facts.ts'
import type { Context, PlannedRead, PlannedStatement, Result } from '../query/types.ts'
import type { BypassReason } from './bypass-reasons.ts'
import type { SourceRules } from './cache-rules.ts'
import { cachedRows } from './cached-rows.ts'
import type { ChangeLog } from './changes/change-log.ts'
import { changesSince } from './changes/changes-or-unknown.ts'
import type { CacheCounts } from './counts.ts'
import { now } from './freshness/clock.ts'
import { judge } from './freshness/judge.ts'
import { cacheKey } from './key/cache-key.ts'
import type { Revisions } from './key/revisions.ts'
import type { Lookup, Next } from './lookup.ts'
import type { CacheEntry } from './memory/cache-entry.ts'
import type { MemoryTier } from './memory/memory-tier.ts'
import type { NoSharedRows, SharedReads, SharedRows } from './shared-reads.ts'
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
  /** Absent without Redis. */
  readonly shared: SharedReads | undefined
  readonly counts: CacheCounts
  factsOf(plan: PlannedRead, ctx: Context): StatementFacts | Promise<StatementFacts>
}

/** Rows of the cache. */
interface Found {
  readonly entry: CacheEntry
  readonly ageMs: number
  readonly ttlMs: number
}

/** What made rows stale: their age, or a change of their tables. */
type StaleReason = 'expired' | 'changed'

/** Why the rows of an entry may not be served. */
interface Refused {
  readonly forward: NonNullable<CacheOutcome['forward']>
  /** What made the rows stale. */
  readonly detail?: StaleReason
  /** Rows that may replace an error of the source. */
  readonly replacement?: Found
}
/** As `CachedReads.#judged` tells it. */
type Judged = Result | Refused | 'unknown' | undefined

/** Largest parameters that are hashed for a key. */
const MAX_PARAMETER_BYTES = 1 << 20
/** How often a statement looks what other processes have, when they begin its run at the same time; then it runs itself. */
const MAX_LOOKS = 5

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
      if (control?.onlyIfCached) throw notCached('The statement is no query that only reads')
      return await next(plan, ctx)
    }
    const asked = this.#lookupOf(plan, ctx)
    const lookup = asked instanceof Promise ? await asked : asked
    if (typeof lookup === 'string') return await this.#bypass(lookup, plan, ctx, next)
    const found = this.#fromMemory(lookup, ctx, next)
    const result = found instanceof Promise ? await found : found
    if (result === 'unknown') return await this.#bypass('state-unavailable', plan, ctx, next)
    if (result && 'frames' in result) return result
    return await this.#beyondMemory(lookup, ctx, next, result)
  }

  /** As `#judged`, of the entry in memory. */
  #fromMemory(lookup: Lookup, ctx: Context, next: Next): Judged | Promise<Judged> {
    const entry = this.#deps.memory.get(lookup.key)
    return entry?.identity === lookup.identity ? this.#judged(entry, lookup, ctx, next) : undefined
  }

  /** Looks in the level that replicas share, and runs the statement if nothing is there. */
  async #beyondMemory(lookup: Lookup, ctx: Context, next: Next, refused: Refused | undefined): Promise<Result> {
    const { runs } = this.#deps
    const { plan, isForced, control, rules } = lookup
    const shared = rules.isReplicated ? this.#deps.shared : undefined
    for (let attempt = 1; ; attempt++) {
      let elsewhere: NoSharedRows = { seen: undefined, replacement: undefined }
      if (shared && !(isForced && plan.execution === undefined) && !runs.isRunning(lookup) && !runs.isLarge(lookup)) {
        const rows = await shared.find(lookup, ctx, next)
        if (rows === 'unknown') return await this.#bypass('state-unavailable', plan, ctx, next)
        if ('result' in rows) return this.#told(rows, lookup, ctx)
        elsewhere = rows
        // A run of this process may have ended in the meantime.
        const later = await this.#fromMemory(lookup, ctx, next)
        if (later && later !== 'unknown' && 'frames' in later) return later
      }
      if (control.onlyIfCached)
        throw notCached(refused && 'The rows of the cache are older than the source or the request allows')
      const mayFollow = shared !== undefined && !isForced && attempt < MAX_LOOKS
      const result = await this.#miss(lookup, ctx, next, { refused, elsewhere, mayFollow })
      if (result !== 'elsewhere') return result
    }
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
    const control = session.cacheControl ?? {}
    const key = cacheKey(plan, ctx, { ...rules, revisions: this.#deps.revisions, canonical })
    const scope = { source, tables: reads, principal: ctx.principal.name, tags: control.tags ?? [], key: control.key }
    return { plan, ...key, scope, rules, control, isForced: control.noCache === true || session.cache === false }
  }

  /**
   * The rows of an entry, or why they may not be served; undefined if an operator cleared the entry, and `unknown` if the state that
   * replicas share does not answer.
   */
  #judged(entry: CacheEntry, lookup: Lookup, ctx: Context, next: Next): Judged | Promise<Judged> {
    const since = changesSince(this.#deps.changes, entry.scope, entry.snapshot, ctx.principal.name)
    const decide = (known: Awaited<typeof since>): Judged => {
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
        return {
          ...(ttlMs > 0
            ? { forward: 'request' }
            : { forward: 'stale', detail: known.kind === 'changed' ? 'changed' : 'expired' }),
          ...(mayReplaceError && { replacement: found }),
        }
      if (state === 'stale' && !lookup.control.onlyIfCached) this.#deps.runs.revalidate(lookup, ctx, next)
      return this.#serve(found, ctx, state === 'fresh' ? 'HIT' : 'STALE')
    }
    return since instanceof Promise ? since.then(decide) : decide(since)
  }

  /** Runs a statement whose rows the cache does not have, or that asks for new ones. @returns `elsewhere` to look again */
  async #miss(
    lookup: Lookup,
    ctx: Context,
    next: Next,
    { refused, elsewhere, mayFollow }: { refused: Refused | undefined; elsewhere: NoSharedRows; mayFollow: boolean },
  ): Promise<Result | 'elsewhere'> {
    const { plan, scope, isForced } = lookup
    const forward = isForced ? 'request' : refused?.forward
    try {
      const run = await this.#deps.runs.run(lookup, ctx, next, { seen: elsewhere.seen, mayFollow })
      if (run === 'elsewhere') return run
      if (run === 'unknown') return await this.#bypass('state-unavailable', plan, ctx, next)
      const { result, isCollapsed, isStored } = run
      if (isCollapsed) this.#deps.counts.onCollapsed(scope.source)
      this.#tell(ctx, scope.source, {
        ...(isForced
          ? { result: 'BYPASS', detail: 'no-cache' }
          : { result: 'MISS', ...(refused?.detail && { detail: refused.detail }) }),
        ...(forward && { forward }),
        ...(isCollapsed && { isCollapsed }),
        isStored,
      })
      return result
    } catch (error) {
      const { row, code } = GatewayError.from(error)
      if (!row.retryable || !row.outage) throw error
      if (refused?.replacement) return this.#serve(refused.replacement, ctx, 'STALE', code)
      const { replacement } = elsewhere
      const rows = replacement && (await this.#deps.shared!.readAnyway(replacement, lookup, ctx, code))
      if (!rows) throw error
      return this.#told(rows, lookup, ctx)
    }
  }

  #told({ result, outcome }: SharedRows, { scope }: Lookup, ctx: Context): Result {
    if (outcome.isCollapsed) this.#deps.counts.onCollapsed(scope.source)
    this.#tell(ctx, scope.source, outcome)
    return result
  }

  async #bypass(detail: BypassReason, plan: PlannedRead, ctx: Context, next: Next): Promise<Result> {
    const { source, session } = plan.query
    if (session.cacheControl?.onlyIfCached) throw notCached(`The cache does not apply (${detail})`)
    if (this.#deps.isOn) this.#tell(ctx, source, { result: 'BYPASS', detail })
    return await next(plan, ctx)
  }

  #serve({ entry, ageMs, ttlMs }: Found, ctx: Context, result: 'HIT' | 'STALE', detail?: string): Result {
    const outcome = { result, ageMs, ttlMs, level: 'memory' } as const
    this.#tell(ctx, entry.scope.source, detail === undefined ? outcome : { ...outcome, detail })
    if (ctx.trace) ctx.trace.isShared = true
    entry.hits++
    return cachedRows(entry.recorded)
  }

  #tell(ctx: Context, source: string, outcome: CacheOutcome): void {
    if (ctx.trace) ctx.trace.cache = outcome
    const { counts } = this.#deps
    counts.onRequest(source, outcome.result)
    if (outcome.result === 'BYPASS') counts.onBypass(outcome.detail!)
  }
}

/** @param reason why there are no such rows, as the beginning of a sentence; by default nothing is known of them */
function notCached(reason?: string): GatewayError {
  return new GatewayError('NOT_CACHED', reason && `${reason}: leave out \`only-if-cached\` to run the statement.`)
}
