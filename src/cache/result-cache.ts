import { LRUCache } from 'lru-cache'
import type { CacheAdmin, CacheFilter, CacheStats } from '../query/cache/cache-admin.ts'
import type { CacheControl } from '../query/cache/cache-control.ts'
import type { CacheOutcome } from '../query/cache/cache-outcome.ts'
import { mayControlOthers } from '../query/control/active-statements.ts'
import { GatewayError } from '../query/errors.ts'
import type { Stage } from '../query/pipeline.ts'
import type { Context, PlannedRead, PlannedStatement, Principal, Result } from '../query/types.ts'
import { cachedRows } from './cached-rows.ts'
import type { ChangeLog, ChangesSince, ReadScope, Snapshot } from './changes/change-log.ts'
import { CacheCounts, type CacheObserver } from './counts.ts'
import type { CacheObstacle, StatementFacts } from './facts/statement-facts.ts'
import { now } from './freshness/clock.ts'
import { type FreshnessRules, judge, type Verdict } from './freshness/judge.ts'
import { cacheKey, schemaDigest } from './key/cache-key.ts'
import type { Revisions } from './key/revisions.ts'
import type { CacheEntry } from './memory/cache-entry.ts'
import { MemoryTier } from './memory/memory-tier.ts'
import type { RecordedResult } from './recorded-result.ts'
import { type RevalidationLimits, Revalidations } from './revalidations.ts'
import { SoleRun } from './sole-run.ts'

/** How the results of a source are stored. */
export interface SourceRules extends FreshnessRules {
  readonly isEnabled: boolean
  /** Whether all principals share the results. */
  readonly isShared: boolean
  /** Names of request metadata on which rows may depend. */
  readonly metadataNames: readonly string[]
  readonly dialect: string
}

/** Dependencies of the cache. */
export interface ResultCacheDependencies {
  /** 0 disables the cache. */
  readonly maxBytes: number
  readonly maxEntryBytes: number
  readonly revalidations: RevalidationLimits
  /** Rules by the name of the source. */
  readonly sources: ReadonlyMap<string, SourceRules>
  readonly revisions: Revisions
  readonly changes: ChangeLog
  factsOf(plan: PlannedRead, dialect: string, ctx: Context): StatementFacts | Promise<StatementFacts>
  readonly observer: CacheObserver
}

/** Why the cache may not apply, of `CacheOutcome.detail`. */
export const bypassReasons = [
  'disabled',
  'transaction',
  'no-store',
  'no-cache',
  'large-parameters',
  'state-unavailable',
  'volatile-function',
  'unknown-function',
  'session-state',
  'temporary-table',
  'sample',
  'external-data',
  'not-a-query',
  'unreadable',
] as const satisfies readonly (CacheObstacle | string)[]

type Next = (plan: PlannedStatement, ctx: Context) => Promise<Result>

/** A statement that the cache may answer. */
interface Lookup {
  readonly key: string
  readonly identity: string
  readonly scope: ReadScope
  readonly rules: SourceRules
  readonly control: CacheControl
}

/** Number of remembered keys whose result was too large. */
const MAX_LARGE = 10_000
/** How long a key counts as too large, in milliseconds. */
const LARGE_MS = 60_000
/** Largest parameters that are hashed for a key. */
const MAX_PARAMETER_BYTES = 1 << 20

/** The results of statements, for statements that ask for the same rows. */
export class ResultCache implements CacheAdmin {
  readonly #deps: ResultCacheDependencies
  readonly #memory: MemoryTier
  readonly #counts: CacheCounts
  readonly #revalidations: Revalidations
  readonly #large = new LRUCache<string, true>({ max: MAX_LARGE, ttl: LARGE_MS })

  constructor(deps: ResultCacheDependencies) {
    this.#deps = deps
    this.#counts = new CacheCounts(deps.observer)
    this.#memory = new MemoryTier(deps.maxBytes, (reason) => this.#counts.onEvicted(reason))
    this.#revalidations = new Revalidations(deps.revalidations, (outcome) => this.#counts.onRevalidated(outcome))
  }

  /** Answers statements from the cache, and stores the rows of the others. */
  get stage(): Stage {
    return {
      name: 'cache',
      plan: async (query, ctx, next) => {
        const plan = await next(query, ctx)
        const digest = plan.kind === 'read' && this.#deps.maxBytes > 0 ? schemaDigest(plan.schema) : undefined
        return digest === undefined ? plan : { ...plan, schemaDigest: digest }
      },
      run: (plan, ctx, next) => this.#run(plan, ctx, next),
    }
  }

  get bytes(): number {
    return this.#memory.bytes
  }

  get entries(): number {
    return this.#memory.count
  }

  stats(viewer: Principal): CacheStats {
    requireAdmin(viewer)
    const bySource = this.#memory.bySource()
    const { evictions, revalidations } = this.#counts
    return {
      entries: this.#memory.count,
      bytes: this.#memory.bytes,
      maxBytes: this.#deps.maxBytes,
      sources: [...this.#deps.sources.keys()].map((source) => ({
        source,
        entries: bySource.get(source)?.entries ?? 0,
        bytes: bySource.get(source)?.bytes ?? 0,
        ...this.#counts.of(source),
      })),
      evictions: { ...evictions },
      revalidations: { ...revalidations },
      plans: { entries: 0, hits: 0, misses: 0 },
    }
  }

  async clear(filter: CacheFilter, by: Principal): Promise<number> {
    requireAdmin(by)
    const { source } = filter
    if (source !== undefined && !this.#deps.sources.has(source))
      throw new GatewayError('UNKNOWN_SOURCE', `There is no source "${source.slice(0, 100)}".`)
    const count = this.#memory.clear(filter)
    await this.#deps.changes.clear(filter)
    return count
  }

  /** Ends background runs. */
  async close(): Promise<void> {
    await this.#revalidations.close()
  }

  async #run(plan: PlannedStatement, ctx: Context, next: Next): Promise<Result> {
    const { query } = plan
    const { cacheControl: control = {} } = query.session
    const bypass = async (detail: string) => {
      if (control.onlyIfCached) throw new GatewayError('NOT_CACHED')
      if (this.#deps.maxBytes > 0) this.#tell(ctx, query.source, { result: 'BYPASS', detail })
      return await next(plan, ctx)
    }
    const rules = this.#deps.sources.get(query.source)
    if (plan.kind !== 'read') return control.onlyIfCached ? await bypass('not-a-query') : await next(plan, ctx)
    if (this.#deps.maxBytes === 0 || !rules?.isEnabled) return await bypass('disabled')
    if (query.transaction !== undefined) return await bypass('transaction')
    if (control.noStore) return await bypass('no-store')
    if (query.rawCommand) return await bypass('unreadable')
    if ((query.parameters?.byteLength ?? 0) > MAX_PARAMETER_BYTES) return await bypass('large-parameters')
    const asked = this.#deps.factsOf(plan, rules.dialect, ctx)
    const facts = asked instanceof Promise ? await asked : asked
    if (facts.obstacle) return await bypass(facts.obstacle)
    const lookup = this.#lookup(plan, ctx, rules, facts)
    const found = this.#memory.get(lookup.key)
    const entry = found?.identity === lookup.identity ? found : undefined
    const since = entry && this.#since(entry, ctx)
    const changes = since instanceof Promise ? await since : since
    if (changes === 'unknown') return await bypass('state-unavailable')
    if (!entry || !changes) return await this.#miss(lookup, plan, ctx, next, bypass)
    const ageMs = now() - entry.startedAt
    const verdict = judge({ ageMs, ttlMs: entry.ttlMs }, changes, lookup.rules, control)
    const { state, evict } = verdict
    if (evict) this.#memory.delete(entry, evict)
    // The rows of an execution are those that it was asked for, however often its ticket is redeemed.
    const isRepeat = plan.execution !== undefined && plan.execution === entry.execution
    const isRefused = (control.noCache || query.session.cache === false) && !isRepeat
    if (isRefused || state === 'unusable') {
      const mayReplaceError = verdict.mayReplaceError && !isRefused
      return await this.#miss(lookup, plan, ctx, next, bypass, mayReplaceError ? { entry, verdict, ageMs } : undefined)
    }
    const { ttlMs } = verdict
    const result = state === 'fresh' ? 'HIT' : 'STALE'
    if (result === 'STALE' && !control.onlyIfCached) this.#revalidate(lookup, plan, ctx, next)
    return this.#serve(entry, ctx, { result, ageMs, ttlMs, level: 'memory' })
  }

  #lookup(plan: PlannedRead, ctx: Context, rules: SourceRules, facts: StatementFacts): Lookup {
    const { source, session } = plan.query
    const { isShared, metadataNames } = rules
    const { canonical, reads } = facts
    const control = session.cacheControl ?? {}
    const key = cacheKey(plan, ctx, { revisions: this.#deps.revisions, isShared, metadataNames, canonical })
    const scope = { source, tables: reads, principal: ctx.principal.name, tags: control.tags ?? [], key: control.key }
    return { ...key, scope, rules, control }
  }

  /** Runs a statement whose rows the cache does not have, or that asks for new ones. */
  async #miss(
    lookup: Lookup,
    plan: PlannedRead,
    ctx: Context,
    next: Next,
    bypass: (detail: string) => Promise<Result>,
    stale?: { readonly entry: CacheEntry; readonly verdict: Verdict; readonly ageMs: number },
  ): Promise<Result> {
    const { control, scope } = lookup
    if (control.onlyIfCached) throw new GatewayError('NOT_CACHED')
    const isForced = control.noCache || plan.query.session.cache === false
    const isStored = !this.#large.has(lookup.key)
    try {
      const result = await this.#record(lookup, plan, ctx, next)
      if (!result) return await bypass('state-unavailable')
      const outcome = isForced ? ({ result: 'BYPASS', detail: 'no-cache' } as const) : ({ result: 'MISS' } as const)
      this.#tell(ctx, scope.source, { ...outcome, isStored })
      return result
    } catch (error) {
      const { row, code } = GatewayError.from(error)
      if (!stale || !row.retryable || !row.outage) throw error
      const { entry, ageMs, verdict } = stale
      return this.#serve(entry, ctx, { result: 'STALE', ageMs, ttlMs: verdict.ttlMs, level: 'memory', detail: code })
    }
  }

  /** Runs a statement and stores its rows; undefined if the state that replicas share does not answer. */
  async #record(lookup: Lookup, plan: PlannedRead, ctx: Context, next: Next): Promise<Result | undefined> {
    const { key, scope } = lookup
    const startedAt = now()
    let snapshot: Snapshot
    try {
      snapshot = await this.#deps.changes.snapshot(scope)
    } catch (error) {
      if (GatewayError.from(error).code === 'STATE_UNAVAILABLE') return undefined
      throw error
    }
    const result = await next(plan, ctx)
    // The rows of an earlier run of the same ticket are older than this call.
    if (this.#large.has(key) || ctx.trace?.isShared) return result
    const onEnd = (recorded: RecordedResult | undefined, tooLarge: boolean) => {
      if (tooLarge) this.#large.set(key, true)
      if (recorded) void this.#store(lookup, { recorded, startedAt, snapshot, execution: plan.execution })
    }
    const frames = new SoleRun(result, this.#deps.maxEntryBytes, this.#memory, onEnd)
    return { ...result, frames }
  }

  async #store(
    { key, identity, scope, rules, control }: Lookup,
    run: Pick<CacheEntry, 'recorded' | 'startedAt' | 'snapshot' | 'execution'>,
  ): Promise<void> {
    const ttlMs = Math.min(rules.ttlMs, control.ttlMs ?? Number.POSITIVE_INFINITY)
    const entry: CacheEntry = { key, identity, scope, ttlMs, ...run }
    const since = this.#sinceOf(scope, run.snapshot, scope.principal)
    const changes = since instanceof Promise ? await since : since
    if (changes === 'unknown') return
    // A change during the run leaves the rows stale from their start.
    if (judge({ ageMs: now() - entry.startedAt, ttlMs }, changes, rules, {}).evict) return
    if (this.#memory.set(entry)) this.#counts.onStored(scope.source)
  }

  #revalidate(lookup: Lookup, plan: PlannedRead, ctx: Context, next: Next): void {
    this.#revalidations.start(lookup.key, ctx, async (inner) => {
      const result = await this.#record(lookup, plan, inner, next)
      if (!result) throw new GatewayError('STATE_UNAVAILABLE')
      return result
    })
  }

  #serve(entry: CacheEntry, ctx: Context, outcome: CacheOutcome): Result {
    this.#tell(ctx, entry.scope.source, outcome)
    if (ctx.trace) ctx.trace.isShared = true
    return cachedRows(entry.recorded)
  }

  #tell(ctx: Context, source: string, outcome: CacheOutcome): void {
    if (ctx.trace) ctx.trace.cache = outcome
    this.#counts.onRequest(source, outcome.result)
    if (outcome.result === 'BYPASS') this.#counts.onBypass(outcome.detail!)
  }

  #since({ scope, snapshot }: CacheEntry, { principal }: Context): Known | Promise<Known> {
    return this.#sinceOf(scope, snapshot, principal.name)
  }

  /** As `ChangeLog.since`; `unknown` if the state that replicas share does not answer. */
  #sinceOf(scope: ReadScope, snapshot: Snapshot, reader: string): Known | Promise<Known> {
    const since = this.#deps.changes.since(scope, snapshot, reader)
    return since instanceof Promise ? since.catch(unknownIfDown) : since
  }
}

type Known = ChangesSince | 'unknown'

function unknownIfDown(error: unknown): 'unknown' {
  if (GatewayError.from(error).code !== 'STATE_UNAVAILABLE') throw error
  return 'unknown'
}

/** @throws GatewayError FORBIDDEN */
function requireAdmin(principal: Principal): void {
  if (!mayControlOthers(principal))
    throw new GatewayError('FORBIDDEN', `${principal.name} may not control the cache: this needs the role admin.`)
}
