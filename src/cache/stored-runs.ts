import { LRUCache } from 'lru-cache'
import { GatewayError } from '../query/errors.ts'
import { beginningOf } from '../query/text/beginning.ts'
import type { Context, Logger, Result } from '../query/types.ts'
import { keepsResults } from './cache-rules.ts'
import type { ChangeLog, Snapshot } from './changes/change-log.ts'
import { changesSince, snapshotOf } from './changes/changes-or-unknown.ts'
import type { CacheCounts } from './counts.ts'
import { now } from './freshness/clock.ts'
import { judge } from './freshness/judge.ts'
import type { Lookup, Next } from './lookup.ts'
import { type CacheEntry, MAX_TEXT_CHARACTERS } from './memory/cache-entry.ts'
import type { MemoryTier } from './memory/memory-tier.ts'
import type { ReadableEntry } from './shared-level/entry-reader.ts'
import type { EntryWriter } from './shared-level/entry-writer.ts'
import type { SharedLevel } from './shared-level/shared-level.ts'
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
  /** Absent without Redis. */
  readonly shared: SharedLevel | undefined
}

/** A result of a run, and whether its rows go into the cache. */
export interface StoredResult extends SharedResult {
  readonly isStored: boolean
}

/** What is known before a run begins. */
interface Opening {
  readonly snapshot: Snapshot
  /** Where the rows go besides the memory. */
  readonly writer: EntryWriter | undefined
}

/** Why a run does not begin: the state that replicas share does not answer, or another process runs the statement. */
export type NotBegun = 'unknown' | 'elsewhere'

/** A run that readers may join. */
interface CurrentRun {
  readonly key: string
  readonly startedAt: number
  readonly opening: Promise<Opening | NotBegun>
}

/** A run that may begin. */
type KnownRun = Pick<CurrentRun, 'key' | 'startedAt'> & Opening

/** What is known of the level that replicas share when a run begins. */
export interface SeenElsewhere {
  /** Version of the entry that is there. */
  readonly seen: string | undefined
  /** Whether to look again if another process has begun a run or stored an entry meanwhile; if not, the run begins anyway. */
  readonly mayFollow: boolean
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

  /** Whether a run of the statement is under way that readers may join. */
  isRunning(lookup: Lookup): boolean {
    return this.#current.has(nameOf(lookup))
  }

  /** Whether the result was too large to store lately. */
  isLarge({ key }: Lookup): boolean {
    return this.#large.has(key)
  }

  onLarge({ key }: Lookup): void {
    this.#large.set(key, true)
  }

  /** Runs a statement, or joins its run if nothing has changed since that began. */
  async run(lookup: Lookup, ctx: Context, next: Next, elsewhere: SeenElsewhere): Promise<StoredResult | NotBegun> {
    const { plan } = lookup
    const run = await this.#joinOrBegin(lookup, ctx, mayJoin(lookup), elsewhere)
    if (typeof run === 'string') return run
    const isStored = this.#isStored(lookup)
    const start = (inner: Context) => next(isStored ? { ...plan, isRecorded: true } : plan, inner)
    try {
      return { ...(await this.#runs.run(run.key, ctx, start, this.#recording(lookup, run))), isStored }
    } catch (error) {
      if (!this.#runs.isRunning(run.key)) {
        this.#forget(lookup, run)
        run.writer?.abandon(false)
      }
      throw error
    }
  }

  /**
   * Reads an entry of the level that replicas share once for all that want it at the same time, and puts it into the memory.
   * @throws EntryGone if it is of no use
   */
  async read(entry: ReadableEntry, ctx: Context, lookup: Lookup): Promise<SharedResult> {
    return await this.#runs.run(
      `shared ${entry.head.version}`,
      ctx,
      this.#readingOf(entry),
      this.#copying(entry, lookup),
    )
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
      const maxMs = limits.backgroundTimeoutMs
      const found = lookup.rules.isReplicated ? await this.#deps.shared?.find(lookup.key) : undefined
      const stored = found?.stored
      if (stored && (await this.#isFresh(stored, lookup)))
        await this.#runs.runInBackground(`shared ${stored.head.version}`, ctx, this.#readingOf(stored), {
          maxMs,
          ...this.#copying(stored, lookup),
        })
      else {
        const run = await this.#joinOrBegin(lookup, ctx, true, { seen: stored?.head.version, mayFollow: true })
        if (typeof run === 'string' || this.#runs.isRunning(run.key)) return
        const start = (inner: Context) => next({ ...lookup.plan, isRecorded: true }, inner)
        const isBegun = await this.#runs.runInBackground(run.key, ctx, start, {
          maxMs,
          ...this.#recording(lookup, run),
        })
        if (!isBegun) run.writer?.abandon(false)
      }
      counts.onRevalidated('succeeded')
    } catch (error) {
      this.#failed.set(lookup.key, true)
      counts.onRevalidated('failed')
      logFailure(ctx.log, ctx.requestId, error)
    }
  }

  /** The run under way, if no change has made its rows old; else a new one. */
  async #joinOrBegin(
    lookup: Lookup,
    ctx: Context,
    mayJoinRun: boolean,
    elsewhere: SeenElsewhere,
  ): Promise<KnownRun | NotBegun> {
    const { scope } = lookup
    for (;;) {
      const current = mayJoinRun ? this.#current.get(nameOf(lookup)) : undefined
      const run = current ?? this.#begin(lookup, ctx, elsewhere)
      const opening = await run.opening
      if (typeof opening === 'string') {
        this.#forget(lookup, run)
        return opening
      }
      const known = { key: run.key, startedAt: run.startedAt, ...opening }
      if (!current) return known
      const since = await changesSince(this.#deps.changes, scope, opening.snapshot, ctx.principal.name)
      if (since === 'unknown') return since
      // The run may have ended, or another one have taken its place.
      if (this.#current.get(nameOf(lookup))?.key !== run.key) continue
      if (since.kind === 'none') return known
      this.#forget(lookup, run)
    }
  }

  #begin(lookup: Lookup, ctx: Context, elsewhere: SeenElsewhere): CurrentRun {
    const key = `${lookup.key} ${++this.#count}`
    const startedAt = now()
    const run = { key, startedAt, opening: this.#open(key, startedAt, lookup, ctx, elsewhere) }
    this.#current.set(nameOf(lookup), run)
    return run
  }

  async #open(
    run: string,
    startedAt: number,
    lookup: Lookup,
    ctx: Context,
    elsewhere: SeenElsewhere,
  ): Promise<Opening | NotBegun> {
    const { changes, shared, limits } = this.#deps
    const { key, identity, scope, plan, rules } = lookup
    const snapshot = await snapshotOf(changes, scope)
    if (snapshot === 'unknown') return snapshot
    if (!shared || !rules.isReplicated || !this.#isStored(lookup)) return { snapshot, writer: undefined }
    const ttlMs = ttlOf(lookup)
    const lifeMs = ttlMs + Math.max(rules.staleWhileRevalidateMs, rules.staleIfErrorMs)
    const own = { key, identity, scope, snapshot, startedAt, ttlMs, lifeMs, execution: plan.execution }
    let isRead = false
    const onFollowed = () => {
      if (isRead) return
      isRead = true
      void this.#runs.readAlong(run, ctx, limits.backgroundTimeoutMs)
    }
    const writer = await shared.lead(own, { ...elsewhere, onFollowed })
    return writer === 'elsewhere' ? writer : { snapshot, writer }
  }

  /** Lets no further reader join a run. */
  #forget(lookup: Lookup, run: Pick<CurrentRun, 'key'>): void {
    if (this.#current.get(nameOf(lookup))?.key === run.key) this.#current.delete(nameOf(lookup))
  }

  #isStored(lookup: Lookup): boolean {
    return keepsResults(lookup.rules) && !this.#large.has(lookup.key)
  }

  #recording(lookup: Lookup, run: KnownRun): Recording {
    const { key, plan } = lookup
    const { maxEntryBytes, readAheadBytes } = this.#deps.limits
    const { writer, startedAt, snapshot } = run
    return {
      readAheadBytes,
      maxRecordedBytes: this.#large.has(key) ? Math.min(LARGE_RECORDED_BYTES, maxEntryBytes) : maxEntryBytes,
      ...(writer && {
        onSchema: (schema, metadata) => writer.begin(schema, metadata),
        onKept: (frames) => writer.add(frames),
      }),
      onRecorded: (recorded, why) => {
        this.#forget(lookup, run)
        if (why === 'too-large') this.#large.set(key, true)
        if (recorded) writer?.complete()
        else writer?.abandon(why === 'too-large')
        if (!recorded || !keepsResults(lookup.rules)) return
        const { scope } = lookup
        void this.#store(lookup, {
          recorded,
          scope,
          startedAt,
          snapshot,
          ttlMs: ttlOf(lookup),
          execution: plan.execution,
        })
      },
    }
  }

  #readingOf(entry: ReadableEntry): (ctx: Context) => Promise<Result> {
    return async ({ signal }) => await this.#deps.shared!.read(entry, signal)
  }

  /** Puts an entry of the level that replicas share into the memory. */
  #copying({ head }: ReadableEntry, lookup: Lookup): Recording {
    return {
      maxRecordedBytes: this.#deps.limits.maxEntryBytes,
      onRecorded: (recorded) => {
        if (recorded) void this.#store(lookup, { ...head, recorded })
      },
    }
  }

  async #isFresh({ head }: ReadableEntry, { identity, scope, rules }: Lookup): Promise<boolean> {
    if (head.identity !== identity) return false
    const since = await changesSince(this.#deps.changes, head.scope, head.snapshot, scope.principal)
    if (since === 'unknown') return false
    return judge({ ageMs: now() - head.startedAt, ttlMs: head.ttlMs }, since, rules, {}).state === 'fresh'
  }

  async #store(
    { key, identity, scope: { principal }, rules, plan }: Lookup,
    { recorded, scope, startedAt, snapshot, ttlMs, execution }: Omit<CacheEntry, 'key' | 'identity' | 'text' | 'hits'>,
  ): Promise<void> {
    const { memory, changes, counts } = this.#deps
    const asked = changesSince(changes, scope, snapshot, principal)
    const since = asked instanceof Promise ? await asked : asked
    // A change during the run leaves the rows stale from the moment of the change.
    if (since === 'unknown' || judge({ ageMs: now() - startedAt, ttlMs }, since, rules, {}).evict) return
    const text = beginningOf(plan.query.sql, MAX_TEXT_CHARACTERS)
    if (memory.set({ key, identity, scope, recorded, startedAt, snapshot, ttlMs, execution, text, hits: 0 }))
      counts.onStored(scope.source)
  }
}

/** Such a client must not get what was read before it asked. */
function mayJoin({ isForced, control }: Lookup): boolean {
  return !isForced && control.maxAgeMs !== 0
}

/** Runs under a key that the client chose belong to different statements. */
function nameOf({ key, identity }: Lookup): string {
  return `${key} ${identity}`
}

function ttlOf({ rules, control }: Lookup): number {
  return Math.min(rules.ttlMs, control.ttlMs ?? Number.POSITIVE_INFINITY)
}

function logFailure(log: Logger, requestId: string, error: unknown): void {
  const { code } = GatewayError.from(error)
  log.info(
    { event: 'cache_revalidation_failed', requestId, code },
    'the statement of stale rows could not be run again',
  )
}
