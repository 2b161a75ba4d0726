import { GatewayError } from '../query/errors.ts'
import type { ResultObserver } from '../query/results/holding.ts'
import type { Store } from '../state/store.ts'
import { keys } from './keys.ts'
import { DAY_MS, utcDayOf } from './utc-day.ts'

/** What a principal has used of one source on a day. */
export interface SourceUsage {
  readonly source: string
  /** Statements that ended, including those that could not be planned. */
  readonly statements: number
  /** Statements that failed; those that were cancelled did not. */
  readonly failed: number
  readonly rows: number
  /** Arrow bytes of results. */
  readonly bytes: number
}

const figures = ['statements', 'failed', 'rows', 'bytes'] as const
type Figures = Record<(typeof figures)[number], number>

/** Figures outlive their day, so that a replica whose clock is behind still finds them. */
const TTL_MS = 2 * DAY_MS
const FLUSH_MS = 1000

/**
 * Counts what principals use of each source and UTC day. Counts wait in memory for at most 1 s before they go to the store, so
 * that no statement waits for it; while the store is down they stay in memory.
 */
export class UsageLedger {
  readonly #store: Store
  readonly #onStateDown: (error: unknown) => void
  readonly #tabs = new Map<string, Map<string, UsageTab>>()
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined

  constructor(store: Store, onStateDown: (error: unknown) => void) {
    this.#store = store
    this.#onStateDown = onStateDown
  }

  /** The counts of a principal at a source. It observes any number of results at the same time. */
  tabOf(principal: string, source: string): UsageTab {
    let bySource = this.#tabs.get(principal)
    if (!bySource) {
      bySource = new Map()
      this.#tabs.set(principal, bySource)
    }
    let tab = bySource.get(source)
    if (!tab) {
      tab = new UsageTab(() => this.#flushSoon())
      bySource.set(source, tab)
    }
    return tab
  }

  /** What a principal has used today. @throws GatewayError STATE_UNAVAILABLE */
  async usageOf(principal: string, sources: readonly string[], nowMs = Date.now()): Promise<readonly SourceUsage[]> {
    await this.#flush()
    const day = utcDayOf(nowMs).name
    return await Promise.all(
      sources.map(async (source) => {
        const read = (figure: string) => this.#store.increment(keys.usage(principal, day, source, figure), 0, TTL_MS)
        const [statements = 0, failed = 0, rows = 0, bytes = 0] = await Promise.all(figures.map(read))
        return { source, statements, failed, rows, bytes }
      }),
    )
  }

  /** Writes the counts that wait. */
  async close(): Promise<void> {
    await this.#flush()
    clearTimeout(this.#timer)
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => void this.#flush(), FLUSH_MS).unref()
  }

  /** Writes all counts, one flush at a time: a count that is being written must not be missing in an answer. */
  async #flush(): Promise<void> {
    while (this.#flushing) await this.#flushing
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#flushing = this.#write(utcDayOf(Date.now()).name)
    try {
      await this.#flushing
    } finally {
      this.#flushing = undefined
    }
  }

  async #write(day: string): Promise<void> {
    const writes: Promise<void>[] = []
    for (const [principal, bySource] of this.#tabs)
      for (const [source, tab] of bySource) {
        const taken = tab.take()
        if (!taken) continue
        for (const figure of figures) {
          const by = taken[figure]
          if (by === 0) continue
          const write = this.#store.increment(keys.usage(principal, day, source, figure), by, TTL_MS)
          writes.push(
            write.then(
              () => {},
              (error: unknown) => {
                tab.giveBack(figure, by)
                this.#onStateDown(error)
              },
            ),
          )
        }
      }
    await Promise.all(writes)
  }
}

/** Counts of one principal and one source that have not been written yet. */
export class UsageTab implements ResultObserver {
  readonly #onChange: () => void
  #counts: Figures = { statements: 0, failed: 0, rows: 0, bytes: 0 }
  #isDirty = false

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  onBatch(rows: number, bytes: number): void {
    this.#counts.rows += rows
    this.#counts.bytes += bytes
    if (!this.#isDirty) this.#setDirty()
  }

  onEnd(error: unknown): void {
    this.#counts.statements++
    if (error !== undefined && GatewayError.from(error).code !== 'CANCELLED') this.#counts.failed++
    if (!this.#isDirty) this.#setDirty()
  }

  /** Takes the counts for writing; undefined if there are none. */
  take(): Readonly<Figures> | undefined {
    if (!this.#isDirty) return undefined
    const taken = this.#counts
    this.#counts = { statements: 0, failed: 0, rows: 0, bytes: 0 }
    this.#isDirty = false
    return taken
  }

  /** Adds a count again that could not be written. */
  giveBack(figure: keyof Figures, by: number): void {
    this.#counts[figure] += by
    if (!this.#isDirty) this.#setDirty()
  }

  #setDirty(): void {
    this.#isDirty = true
    this.#onChange()
  }
}
