import type { Store } from '../state/store.ts'
import { keys } from './keys.ts'
import { DAY_MS, utcDayOf } from './utc-day.ts'

/** How long the total of all replicas may be out of date, in milliseconds. */
const SYNC_MS = 1000
/** Time after its last statement when a caller is forgotten here, in milliseconds; its count stays in the store. */
const FORGET_MS = 60_000

/** The bytes of results that limited callers have read today, on all replicas. */
export class DailyBytes {
  readonly #store: Store
  readonly #onStateDown: (error: unknown) => void
  readonly #counts = new Map<string, ByteCount>()
  readonly #timer: NodeJS.Timeout

  constructor(store: Store, onStateDown: (error: unknown) => void) {
    this.#store = store
    this.#onStateDown = onStateDown
    this.#timer = setInterval(() => void this.#syncAll(), SYNC_MS).unref()
  }

  /** The caller's bytes of today; while the store is down, those that this replica knows. */
  async today(caller: string): Promise<number> {
    const count = this.countOf(caller)
    if (!count.isFresh(utcDayOf(Date.now()).name)) await this.#sync(caller, count)
    return count.known + count.pending
  }

  /** The count to which the caller's statements add. */
  countOf(caller: string): ByteCount {
    let count = this.#counts.get(caller)
    if (!count) {
      count = new ByteCount()
      this.#counts.set(caller, count)
    }
    return count
  }

  /** Writes the bytes that wait. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#syncAll()
  }

  async #syncAll(): Promise<void> {
    const now = performance.now()
    await Promise.all(
      Array.from(this.#counts, async ([caller, count]) => {
        if (count.pending > 0) await this.#sync(caller, count)
        else if (count.statements === 0 && now - count.usedAt > FORGET_MS) this.#counts.delete(caller)
      }),
    )
  }

  /** Adds the bytes that wait to the store, and reads the total of all replicas. */
  async #sync(caller: string, count: ByteCount): Promise<void> {
    const today = utcDayOf(Date.now()).name
    if (count.day !== today) count.begin(today)
    const by = count.pending
    count.pending = 0
    try {
      // The count outlives its day, for replicas whose clocks are behind.
      count.known = await this.#store.increment(keys.bytes(caller, today), by, 2 * DAY_MS)
      count.syncedAt = performance.now()
    } catch (error) {
      count.pending += by
      this.#onStateDown(error)
    }
  }
}

/** Bytes of one caller. */
export class ByteCount {
  /** Bytes that the store has. */
  known = 0
  /** Bytes that the store does not have yet. */
  pending = 0
  /** Statements that run. */
  statements = 0
  day = utcDayOf(Date.now()).name
  syncedAt = Number.NEGATIVE_INFINITY
  usedAt = performance.now()

  /** Begins a new day. Bytes of the last second of the day before are not counted. */
  begin(day: string): void {
    this.day = day
    this.known = 0
    this.pending = 0
  }

  isFresh(day: string): boolean {
    return this.day === day && performance.now() - this.syncedAt < SYNC_MS
  }
}
