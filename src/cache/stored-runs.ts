import { LRUCache } from 'lru-cache'
import { GatewayError } from '../query/errors.ts'
import type { Context, Logger } from '../query/types.ts'
import { keepsResults } from './cache-rules.ts'
import type { ChangeLog, ReadScope, Snapshot } from './changes/change-log.ts'
import { changesSince, snapshotOf } from './changes/changes-or-unknown.ts'
import type { CacheCounts } from './counts.ts'
import { now } from './freshness/clock.ts'
import { judge } from './freshness/judge.ts'
import type { Lookup, Next } from './lookup.ts'
import type { CacheEntry } from './memory/cache-entry.ts'
import { compactResult } from './memory/compact-result.ts'
import type { MemoryTier } from './memory/memory-tier.ts'
import type { Recording } from './sharing/shared-run.ts'
import { type SharedResult, SharedRuns } from './sharing/shared-runs.ts'
import type { SpillLimits } from './sharing/spill.ts'

/** Limits of runs. */
export interface RunLimits {
  readonly maxEntryBytes: number
  /** As `SharedRunsLimits.maxWindowBytes`. */
  readonly maxWindowBytes: number
  /** As `Recording.readAheadBytes`. */
  readonly readAheadBytes: number
  readonly spill: SpillLimits
  /** Most statements that run in the background at the same time. */
  readonly maxBackground: number
  /** Time limit of each of them, in milliseconds. */
  readonly backgroundTimeoutMs: number
}

/** Dependencies of the runs. */
export interface StoredRunsDependencies {
  readonly memory: MemoryTier
  readonly changes: ChangeLog
  readonly counts: CacheCounts
  readonly limits: RunLimits
}

/** A result of a run, and whether its rows go into the cache. */
export interface StoredResult extends SharedResult {
  readonly isStored: boolean
}

/** A run that readers may join. */
interface CurrentRun {
  readonly key: string
  readonly startedAt: number
  readonly snapshot: ReturnType<typeof snapshotOf>
}

/** A run whose snapshot is known. */
interface KnownRun extends CurrentRun {
  readonly snapshot: Snapshot
}

/** Number of remembered keys whose result was too large to store. */
const MAX_LARGE = 10_000
/** How long a key counts as too large, in milliseconds. */
const LARGE_MS = 60_000
/** Bytes of such a result that readers who join may still get. */
const LARGE_RECORDED_BYTES = 1 << 20
/** Time after a failure in which a key is not run again in the background, in milliseconds. */
const RETRY_AFTER_MS = 1000
const MAX_FAILED = 10_000

/** Runs statements once for all that ask for the same rows at the same time, and stores the rows. */
export class StoredRuns {
  readonly #deps: StoredRunsDependencies
  readonly #runs: SharedRuns
  /** The latest run of each key that readers may join. */
  readonly #current = new Map<string, CurrentRun>()
  readonly #background = new Set<string>()
  readonly #large = new LRUCache<string, true>({ max: MAX_LARGE, ttl: LARGE_MS })
  readonly #failed = new LRUCache<string, true>({ max: MAX_FAILED, ttl: RETRY_AFTER_MS })
  #count = 0

  constructor(deps: StoredRunsDependencies) {
    this.#deps = deps
    const { maxWindowBytes, spill } = deps.limits
    this.#runs = new SharedRuns({ memory: deps.memory, maxWindowBytes, spill })
  }

  /**
   * Runs a statement, or joins its run if nothing has changed since that began.
   * @returns undefined if the state that replicas share does not answer
   */
  async run(lookup: Lookup, ctx: Context, next: Next): Promise<StoredResult | undefined> {
    const { key, plan, control, isForced } = lookup
    // Such a client must not get what was read before it asked.
    const mayJoin = !isForced && control.maxAgeMs !== 0
    const run = await this.#joinOrBegin(lookup, ctx, mayJoin)
    if (!run) return undefined
    const isStored = keepsResults(lookup.rules) && !this.#large.has(key)
    const start = (inner: Context) => next(isStored ? { ...plan, isRecorded: true } : plan, inner)
    try {
      return { ...(await this.#runs.run(run.key, ctx, start, this.#recording(lookup, run))), isStored }
    } catch (error) {
      if (!this.#runs.isRunning(run.key)) this.#forget(key, run)
      throw error
    }
  }

  /** Runs the statement of a stale entry in the background, unless it does so already or too many statements do. */
  revalidate(lookup: Lookup, ctx: Context, next: Next): void {
    const { key } = lookup
    const { maxBackground } = this.#deps.limits
    if (this.#background.has(key) || this.#background.size >= maxBackground || this.#failed.has(key)) return
    this.#background.add(key)
    void this.#revalidate(lookup, ctx, next).finally(() => this.#background.delete(key))
  }

  /** Ends the runs in the background. */
  async close(): Promise<void> {
    await this.#runs.close()
  }

  async #revalidate(lookup: Lookup, ctx: Context, next: Next): Promise<void> {
    const { counts, limits } = this.#deps
    try {
      const run = await this.#joinOrBegin(lookup, ctx, true)
      if (!run || this.#runs.isRunning(run.key)) return
      const start = (inner: Context) => next({ ...lookup.plan, isRecorded: true }, inner)
      await this.#runs.runInBackground(run.key, ctx, start, {
        maxMs: limits.backgroundTimeoutMs,
        ...this.#recording(lookup, run),
      })
      counts.onRevalidated('succeeded')
    } catch (error) {
      this.#failed.set(lookup.key, true)
      counts.onRevalidated('failed')
      logFailure(ctx.log, ctx.requestId, error)
    }
  }

  /** The run under way, if no change has made its rows old; else a new one. */
  async #joinOrBegin({ key, scope }: Lookup, ctx: Context, mayJoin: boolean): Promise<KnownRun | undefined> {
    const { changes } = this.#deps
    for (;;) {
      const current = mayJoin ? this.#current.get(key) : undefined
      const run = current ?? this.#begin(key, scope)
      const snapshot = await run.snapshot
      if (snapshot === 'unknown') {
        this.#forget(key, run)
        return undefined
      }
      if (!current) return { ...run, snapshot }
      const since = await changesSince(changes, scope, snapshot, ctx.principal.name)
      if (since === 'unknown') return undefined
      // The run may have ended, or another one have taken its place.
      if (this.#current.get(key)?.key !== run.key) continue
      if (since.kind === 'none') return { ...run, snapshot }
      this.#forget(key, run)
    }
  }

  #begin(key: string, scope: ReadScope): CurrentRun {
    const run = { key: `${key} ${++this.#count}`, startedAt: now(), snapshot: snapshotOf(this.#deps.changes, scope) }
    this.#current.set(key, run)
    return run
  }

  /** Lets no further reader join a run. */
  #forget(key: string, run: Pick<CurrentRun, 'key'>): void {
    if (this.#current.get(key)?.key === run.key) this.#current.delete(key)
  }

  #recording(lookup: Lookup, run: KnownRun): Recording {
    const { key, plan } = lookup
    const { maxEntryBytes, readAheadBytes } = this.#deps.limits
    return {
      readAheadBytes,
      maxRecordedBytes: this.#large.has(key) ? Math.min(LARGE_RECORDED_BYTES, maxEntryBytes) : maxEntryBytes,
      onRecorded: (recorded, why) => {
        this.#forget(key, run)
        if (why === 'too-large') this.#large.set(key, true)
        if (!recorded || !keepsResults(lookup.rules)) return
        const { startedAt, snapshot } = run
        void this.#store(lookup, { recorded: compactResult(recorded), startedAt, snapshot, execution: plan.execution })
      },
    }
  }

  async #store(
    { key, identity, scope, rules, control }: Lookup,
    run: Pick<CacheEntry, 'recorded' | 'startedAt' | 'snapshot' | 'execution'>,
  ): Promise<void> {
    const { memory, changes, counts } = this.#deps
    const ttlMs = Math.min(rules.ttlMs, control.ttlMs ?? Number.POSITIVE_INFINITY)
    const asked = changesSince(changes, scope, run.snapshot, scope.principal)
    const since = asked instanceof Promise ? await asked : asked
    // A change during the run leaves the rows stale from the moment of the change.
    if (since === 'unknown' || judge({ ageMs: now() - run.startedAt, ttlMs }, since, rules, {}).evict) return
    if (memory.set({ key, identity, scope, ttlMs, ...run })) counts.onStored(scope.source)
  }
}

function logFailure(log: Logger, requestId: string, error: unknown): void {
  const { code } = GatewayError.from(error)
  log.info(
    { event: 'cache_revalidation_failed', requestId, code },
    'the statement of stale rows could not be run again',
  )
}
