import { TraceFlags } from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace'

/** Why a span was not exported. */
export type DropReason = 'queue-full' | 'export-failed' | 'shutdown'

/** Receives what becomes of the spans. */
export interface SpanQueueObserver {
  onExported(spans: number): void
  /** @param error of the export, if there is one */
  onDropped(spans: number, reason: DropReason, error?: Error): void
}

/** Bounds of the queue. */
export interface SpanQueueLimits {
  /** Spans that wait for the collector; further ones are dropped. */
  readonly maxQueuedSpans: number
  /** Time limit of an export with its retries, in milliseconds. */
  readonly timeoutMs: number
}

/** Spans of one export. */
const BATCH_SPANS = 512
/** How long a span waits for others before its export, in milliseconds. */
const DELAY_MS = 1000
/** Time beyond `timeoutMs` after which an export counts as failed even if the exporter does not tell, in milliseconds. */
const SLACK_MS = 1000
/** `ExportResultCode.SUCCESS` of `@opentelemetry/core`, which is no dependency of its own. */
const SUCCESS = 0

/** Ended spans on their way to the collector: one export at a time, a bounded number waits. */
export class SpanQueue implements SpanProcessor {
  readonly #exporter: SpanExporter
  readonly #limits: SpanQueueLimits
  readonly #observer: SpanQueueObserver
  #waiting: ReadableSpan[] = []
  #export: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(exporter: SpanExporter, limits: SpanQueueLimits, observer: SpanQueueObserver) {
    this.#exporter = exporter
    this.#limits = limits
    this.#observer = observer
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return
    if (this.#isClosed || this.#waiting.length >= this.#limits.maxQueuedSpans) {
      this.#observer.onDropped(1, this.#isClosed ? 'shutdown' : 'queue-full')
      return
    }
    this.#waiting.push(span)
    if (this.#waiting.length === BATCH_SPANS && !this.#export) this.#begin()
    else this.#timer ??= setTimeout(() => this.#begin(), DELAY_MS).unref()
  }

  /** Exports what waits, for at most this time; drops the rest. Further spans are dropped. */
  async close(maxMs: number): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const until = performance.now() + maxMs
    while ((this.#export || this.#waiting.length > 0) && performance.now() < until) {
      let timer: NodeJS.Timeout | undefined
      const end = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, until - performance.now())
      })
      if (!this.#export) this.#begin()
      await Promise.race([this.#export, end])
      clearTimeout(timer)
    }
    if (this.#waiting.length > 0) this.#observer.onDropped(this.#waiting.splice(0).length, 'shutdown')
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {
    await this.close(0)
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#export || this.#waiting.length === 0) return
    this.#export = this.#send(this.#waiting.splice(0, BATCH_SPANS)).finally(() => {
      this.#export = undefined
      if (this.#isClosed || this.#waiting.length === 0) return
      if (this.#waiting.length >= BATCH_SPANS) this.#begin()
      else this.#timer ??= setTimeout(() => this.#begin(), DELAY_MS).unref()
    })
  }

  async #send(spans: ReadableSpan[]): Promise<void> {
    const error = await new Promise<Error | undefined>((resolve) => {
      const patience = setTimeout(
        () => resolve(new Error(`no answer within ${this.#limits.timeoutMs} ms`)),
        this.#limits.timeoutMs + SLACK_MS,
      ).unref()
      this.#exporter.export(spans, (result) => {
        clearTimeout(patience)
        resolve(result.code === SUCCESS ? undefined : (result.error ?? new Error('the export failed')))
      })
    })
    if (error) this.#observer.onDropped(spans.length, 'export-failed', error)
    else this.#observer.onExported(spans.length)
  }
}
