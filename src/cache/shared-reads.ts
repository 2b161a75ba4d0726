import type { CacheOutcome } from '../query/cache/cache-outcome.ts'
import type { Context, Result } from '../query/types.ts'
import type { ChangeLog } from './changes/change-log.ts'
import { changesSince } from './changes/changes-or-unknown.ts'
import { now } from './freshness/clock.ts'
import { judge } from './freshness/judge.ts'
import type { Lookup, Next } from './lookup.ts'
import { EntryGone, type ReadableEntry } from './shared-level/entry-reader.ts'
import type { SharedLevel } from './shared-level/shared-level.ts'
import type { StoredRuns } from './stored-runs.ts'

/** Rows from the level that replicas share, and what to tell the client. */
export interface SharedRows {
  readonly result: Result
  readonly outcome: CacheOutcome
}

/** The level has no rows for the reader. */
export interface NoSharedRows {
  /** Version of the entry that is of no use for the reader. */
  readonly seen: string | undefined
  /** The rows of that entry if they may be served in place of an error of the source. */
  readonly replacement: ReadableEntry | undefined
}

/** Serves reads from the level that replicas share: whole results, and the runs of other processes. */
export class SharedReads {
  readonly #level: SharedLevel
  readonly #changes: ChangeLog
  readonly #runs: StoredRuns

  constructor(level: SharedLevel, changes: ChangeLog, runs: StoredRuns) {
    this.#level = level
    this.#changes = changes
    this.#runs = runs
  }

  /** @returns `unknown` if the state that replicas share does not answer @throws the reason of the context's signal */
  async find(lookup: Lookup, ctx: Context, next: Next): Promise<SharedRows | NoSharedRows | 'unknown'> {
    const { stored, running } = await this.#level.find(lookup.key)
    const { maxAgeMs, onlyIfCached } = lookup.control
    if (running?.head.isLarge) this.#runs.onLarge(lookup)
    else if (running?.head.identity === lookup.identity && maxAgeMs !== 0 && !onlyIfCached && !lookup.isForced) {
      const isJoined = await this.#mayJoin(running, lookup, ctx, stored)
      if (isJoined === 'unknown') return isJoined
      const rows = isJoined ? await this.#read(running, lookup, ctx, { result: 'MISS', isCollapsed: true }) : undefined
      if (rows) return rows
    }
    const found = await this.#findStored(stored, lookup, ctx, next)
    if (found === 'unknown' || 'result' in found) return found
    this.#level.onRead('miss')
    return found
  }

  /** Serves an entry although it is old. @returns undefined if it is gone */
  async readAnyway(
    entry: ReadableEntry,
    lookup: Lookup,
    ctx: Context,
    detail: string,
  ): Promise<SharedRows | undefined> {
    const ageMs = now() - entry.head.startedAt
    const outcome = { result: 'STALE', ageMs, ttlMs: entry.head.ttlMs - ageMs, level: 'shared', detail } as const
    return await this.#read(entry, lookup, ctx, outcome)
  }

  async #findStored(
    stored: ReadableEntry | undefined,
    lookup: Lookup,
    ctx: Context,
    next: Next,
  ): Promise<SharedRows | NoSharedRows | 'unknown'> {
    if (!stored) return { seen: undefined, replacement: undefined }
    const { head } = stored
    const none = { seen: head.version, replacement: undefined }
    const { isForced, plan } = lookup
    // A ticket that is redeemed again gets its own rows.
    const isOwn = plan.execution !== undefined && head.execution === plan.execution
    if (head.identity !== lookup.identity || (isForced && !isOwn)) return none
    const since = await changesSince(this.#changes, head.scope, head.snapshot, ctx.principal.name)
    if (since === 'unknown') return since
    const ageMs = now() - head.startedAt
    const { state, ttlMs, mayReplaceError } = judge({ ageMs, ttlMs: head.ttlMs }, since, lookup.rules, lookup.control)
    if (state === 'unusable') return mayReplaceError ? { ...none, replacement: stored } : none
    const result = state === 'fresh' ? 'HIT' : 'STALE'
    const rows = await this.#read(stored, lookup, ctx, { result, ageMs, ttlMs, level: 'shared' })
    if (rows && state === 'stale' && !lookup.control.onlyIfCached) this.#runs.revalidate(lookup, ctx, next)
    // A damaged entry has been removed.
    return rows ?? { seen: undefined, replacement: undefined }
  }

  /** Whether a run elsewhere is of use: nothing has changed since it began, and no stale rows may be served instead. */
  async #mayJoin(
    { head }: ReadableEntry,
    { rules, control }: Lookup,
    ctx: Context,
    stored: ReadableEntry | undefined,
  ): Promise<boolean | 'unknown'> {
    const since = await changesSince(this.#changes, head.scope, head.snapshot, ctx.principal.name)
    if (since === 'unknown') return since
    if (since.kind !== 'none') return false
    if (stored?.head.identity !== head.identity) return true
    const old = await changesSince(this.#changes, stored.head.scope, stored.head.snapshot, ctx.principal.name)
    if (old === 'unknown') return old
    return (
      judge({ ageMs: now() - stored.head.startedAt, ttlMs: stored.head.ttlMs }, old, rules, control).state ===
      'unusable'
    )
  }

  async #read(
    entry: ReadableEntry,
    lookup: Lookup,
    ctx: Context,
    outcome: CacheOutcome,
  ): Promise<SharedRows | undefined> {
    try {
      const { result } = await this.#runs.read(entry, ctx, lookup)
      this.#level.onRead(entry.isRunning ? 'joined' : 'hit')
      if (ctx.trace) ctx.trace.isShared = true
      return { result, outcome }
    } catch (error) {
      if (error instanceof EntryGone) return undefined
      throw error
    }
  }
}
