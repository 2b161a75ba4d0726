import type { TracingMetrics } from '../../ops/metrics/tracing-metrics.ts'
import type { Logger } from '../../query/types.ts'
import type { DropReason, SpanQueueObserver } from './span-queue.ts'

const WINDOW_MS = 60_000
const MAX_REASON_CHARACTERS = 300

/** Counts exported and dropped spans, and logs drops: at most one line a minute. */
export class ExportLog implements SpanQueueObserver {
  readonly #metrics: TracingMetrics
  readonly #log: Logger
  #loggedAt = Number.NEGATIVE_INFINITY
  /** Spans dropped since the last line. */
  #dropped = 0

  constructor(metrics: TracingMetrics, log: Logger) {
    this.#metrics = metrics
    this.#log = log
  }

  onExported(spans: number): void {
    this.#metrics.onExported(spans)
  }

  onDropped(spans: number, reason: DropReason, error?: Error): void {
    this.#metrics.onDropped(spans, reason)
    this.#dropped += spans
    const now = performance.now()
    if (now - this.#loggedAt < WINDOW_MS) return
    this.#loggedAt = now
    const detail = error && firstLine(error.message)
    this.#log.warn(
      { event: 'spans_dropped', dropped: this.#dropped, reason, ...(detail !== undefined && { detail }) },
      'spans of traces were dropped: look at the collector (tracing.endpoint); at most one such line a minute',
    )
    this.#dropped = 0
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.slice(0, MAX_REASON_CHARACTERS)
}
