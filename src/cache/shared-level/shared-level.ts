import { randomBytes } from 'node:crypto'
import type { Logger, Result } from '../../query/types.ts'
import type { ReadScope, Snapshot } from '../changes/change-log.ts'
import type { EntryHead } from './entry-head.ts'
import { EntryReader, type ReadableEntry } from './entry-reader.ts'
import { type EntryPlace, EntryStore } from './entry-store.ts'
import { EntryWriter } from './entry-writer.ts'

/** Receives what happens in the level, for metrics. */
export interface SharedLevelObserver {
  /** @param outcome `hit`: rows of a whole result; `joined`: rows of a run of another process; `miss` */
  onRead(outcome: SharedOutcome): void
  onStored(): void
  /** Redis failed, was too slow, or could not take the rows. */
  onError(): void
  /** Something in Redis was not what the gateway had written. */
  onCorrupt(): void
  onWritten(bytes: number): void
}

export type SharedOutcome = 'hit' | 'joined' | 'miss'

/** Bounds of the level. */
export interface SharedLevelLimits {
  /** Longest wait for a small command, in milliseconds. */
  readonly commandTimeoutMs: number
  /** Bytes of rows of this process that wait to be written. */
  readonly maxPendingBytes: number
}

/** What the level has under a key. */
export interface FoundEntries {
  readonly stored: ReadableEntry | undefined
  readonly running: ReadableEntry | undefined
}

/** A run that begins here. */
export interface OwnRun {
  readonly key: string
  readonly identity: string
  readonly scope: ReadScope
  readonly snapshot: Snapshot
  /** As `now` of `freshness/clock.ts` tells it, in milliseconds. */
  readonly startedAt: number
  readonly ttlMs: number
  /** How long the rows may be of use from their start, in milliseconds. */
  readonly lifeMs: number
  readonly execution: string | undefined
}

/** How the lease of a key is asked for. */
export interface LeaseRequest {
  /** Version of the entry that was found before; a newer one is looked at first. */
  readonly seen: string | undefined
  /** Whether the run of another process will do; if not, this one runs without a lease. */
  readonly mayFollow: boolean
  /** Other processes follow the run: it must go on, whatever its readers here do. */
  onFollowed(): void
}

const nothing: FoundEntries = { stored: undefined, running: undefined }

/**
 * The results that all processes share, in Redis. It never makes a statement fail before its first row: while Redis fails, is slow
 * or lies, nothing is found and nothing is stored.
 */
export class SharedLevel {
  readonly #store: EntryStore
  readonly #limits: SharedLevelLimits
  readonly #observer: SharedLevelObserver
  readonly #finds = new Map<string, Promise<FoundEntries>>()
  readonly #writers = new Set<EntryWriter>()
  readonly #stats = { hits: 0, misses: 0, stored: 0, errors: 0, corrupt: 0 }
  #pendingBytes = 0

  constructor(place: EntryPlace, limits: SharedLevelLimits, log: Logger, observer: SharedLevelObserver) {
    this.#limits = limits
    this.#observer = observer
    this.#store = new EntryStore(place, limits, log, () => {
      this.#stats.corrupt++
      observer.onCorrupt()
    })
  }

  get stats() {
    return { isUp: this.#store.isUp, ...this.#stats }
  }

  /** Bytes of rows that wait to be written. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** The entry under a key; nothing while Redis does not answer. Calls at the same time share one round trip. */
  find(key: string): Promise<FoundEntries> {
    let find = this.#finds.get(key)
    if (!find) {
      find = this.#find(key).finally(() => this.#finds.delete(key))
      this.#finds.set(key, find)
    }
    return find
  }

  /** Counts what a reader got. */
  onRead(outcome: SharedOutcome): void {
    this.#observer.onRead(outcome)
    if (outcome === 'hit') this.#stats.hits++
    else if (outcome === 'miss') this.#stats.misses++
  }

  /** Opens an entry and reads its first rows. @throws EntryGone if it is of no use; the reason of the signal */
  async read(entry: ReadableEntry, signal: AbortSignal): Promise<Result> {
    return await new EntryReader(this.#store, entry, signal).open()
  }

  /**
   * Announces a run to the other processes.
   * @returns where its rows go; `elsewhere` if there is something to look at first; undefined while Redis does not answer or is almost full
   */
  async lead(run: OwnRun, request: LeaseRequest): Promise<EntryWriter | 'elsewhere' | undefined> {
    if (this.#store.isFull) return undefined
    const { key: own, lifeMs, startedAt, ...rest } = run
    const key = this.#store.nameFor(own)
    const version = randomBytes(9).toString('base64url')
    const head: EntryHead = { ...rest, version, order: 0, startedAt: startedAt + this.#store.offsetMs }
    try {
      const { hasLease, order } = await this.#store.lead(key, head, request.seen)
      if (!hasLease && request.mayFollow) return 'elsewhere'
      return this.#writer(key, { ...head, order }, hasLease, lifeMs, request)
    } catch {
      this.#onError()
      return undefined
    }
  }

  close(): void {
    for (const writer of this.#writers) writer.abandon(false)
  }

  #writer(key: string, head: EntryHead, hasLease: boolean, lifeMs: number, request: LeaseRequest): EntryWriter {
    const writer: EntryWriter = new EntryWriter(
      {
        store: this.#store,
        reserve: (bytes) => this.#reserve(bytes),
        release: (bytes) => {
          this.#pendingBytes -= bytes
        },
        onEnd: (isStored, error) => {
          this.#writers.delete(writer)
          if (isStored) this.#stats.stored++
          if (isStored) this.#observer.onStored()
          if (error !== undefined) this.#onError()
        },
        onWritten: (bytes) => this.#observer.onWritten(bytes),
      },
      { key, head, hasLease, ttlMs: Math.max(1, Math.ceil(lifeMs)), onFollowed: request.onFollowed },
    )
    this.#writers.add(writer)
    return writer
  }

  async #find(own: string): Promise<FoundEntries> {
    const key = this.#store.nameFor(own)
    try {
      const { stored, running } = await this.#store.find(key)
      const local = (head: EntryHead): EntryHead => ({ ...head, startedAt: head.startedAt - this.#store.offsetMs })
      return {
        stored: stored && { ...stored, head: local(stored.head), key, isRunning: false },
        running: running && { head: local(running), inline: undefined, key, isRunning: true },
      }
    } catch {
      this.#onError()
      return nothing
    }
  }

  #reserve(bytes: number): boolean {
    if (this.#pendingBytes + bytes > this.#limits.maxPendingBytes) return false
    this.#pendingBytes += bytes
    return true
  }

  #onError(): void {
    this.#stats.errors++
    this.#observer.onError()
  }
}
