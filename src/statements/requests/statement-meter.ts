import type { CacheOutcome } from '../../query/cache/cache-outcome.ts'
import type { ResultObserver } from '../../query/results/holding.ts'
import type { StatementTrace } from '../../query/statement-trace.ts'

/** What a statement took. A time that was not reached is absent. */
export interface StatementMetrics {
  /** Name of the source; empty if the statement found none. */
  readonly source: string
  /** Time that the statement waited for its turn in a batch and for a slot, in milliseconds. */
  readonly queuedMs?: number
  /** Time that planning took, in milliseconds. */
  readonly plannedMs?: number
  /** Time from the start of the statement, or of its batch, to its first rows, in milliseconds. */
  readonly firstByteMs?: number
  /** Time from the start of the statement, or of its batch, to its end, in milliseconds. */
  readonly totalMs: number
  /** Rows of the result. */
  readonly rows: number
  /** Arrow bytes of the result. */
  readonly bytes: number
  /** Price in US dollars; absent if the source has none or does not tell. */
  readonly costUsd?: number
  /** Bytes that the engine billed; absent if it bills none or does not tell. */
  readonly billedBytes?: number
  /** Whether the rows came from another statement or a cache instead of the source. */
  readonly isCacheHit: boolean
  /** What the result cache did; absent if it is off, or the statement did not run. */
  readonly cache?: CacheOutcome
}

/** Measures one statement. Its clock starts when the meter is created. */
export class StatementMeter implements ResultObserver {
  /** For the context of the statement. */
  readonly trace: StatementTrace = {}
  source = ''
  readonly #startedAt = performance.now()
  #turnMs: number | undefined
  /** Since when the statement waits for its turn in a batch. */
  #waitsFrom: number | undefined
  #plannedMs: number | undefined
  #firstByteMs: number | undefined
  #totalMs: number | undefined
  #rows = 0
  #bytes = 0

  /** The statement waits for its turn until `proceed`. */
  queue(): void {
    this.#waitsFrom ??= performance.now()
  }

  proceed(): void {
    if (this.#waitsFrom === undefined) return
    this.#turnMs = (this.#turnMs ?? 0) + performance.now() - this.#waitsFrom
    this.#waitsFrom = undefined
  }

  /** The statement did not get a slot, and waits for its turn to try again. */
  queueAgain(): void {
    this.#turnMs = (this.#turnMs ?? 0) + (this.trace.queueWaitMs ?? 0)
    delete this.trace.queueWaitMs
    this.#totalMs = undefined
    this.queue()
  }

  /** Measures planning. @throws what `planning` throws */
  async plan<T>(planning: () => Promise<T>): Promise<T> {
    const from = performance.now()
    try {
      return await planning()
    } finally {
      this.#plannedMs = (this.#plannedMs ?? 0) + performance.now() - from
    }
  }

  /** Ends the measurement, unless it has ended. */
  end(): void {
    this.proceed()
    this.#totalMs ??= this.#elapsedMs
  }

  onBatch(rows: number, bytes: number): void {
    this.#firstByteMs ??= this.#elapsedMs
    this.#rows += rows
    this.#bytes += bytes
  }

  onEnd(): void {
    this.end()
  }

  /** What the statement has taken so far, or until its end. */
  metrics(): StatementMetrics {
    const { queueWaitMs, isShared = false, costUsd, billedBytes, cache } = this.trace
    const [turnMs, plannedMs, firstByteMs] = [this.#turnMs, this.#plannedMs, this.#firstByteMs]
    const hasWaited = turnMs !== undefined || queueWaitMs !== undefined
    return {
      source: this.source,
      ...(hasWaited && { queuedMs: (turnMs ?? 0) + (queueWaitMs ?? 0) }),
      ...(plannedMs !== undefined && { plannedMs }),
      ...(firstByteMs !== undefined && { firstByteMs }),
      totalMs: this.#totalMs ?? this.#elapsedMs,
      rows: this.#rows,
      bytes: this.#bytes,
      ...(costUsd !== undefined && { costUsd }),
      ...(billedBytes !== undefined && { billedBytes }),
      isCacheHit: isShared,
      ...(cache && { cache }),
    }
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt
  }
}
