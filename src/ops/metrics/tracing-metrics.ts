import { Counter, type Registry } from 'prom-client'

const reasons = ['queue-full', 'export-failed', 'shutdown'] as const

/** Metrics of the export of spans. */
export class TracingMetrics {
  readonly #exported
  readonly #dropped

  constructor(registry: Registry) {
    const registers = [registry]
    this.#exported = new Counter({
      name: 'flightgate_spans_exported_total',
      help: 'Spans that the collector (tracing.endpoint) has taken.',
      registers,
    })
    this.#dropped = new Counter({
      name: 'flightgate_spans_dropped_total',
      help: 'Spans that were not exported, by reason: queue-full (tracing.maxQueuedSpans), export-failed (the collector refused them or did not answer within tracing.timeoutMs), shutdown (the process ended first).',
      labelNames: ['reason'],
      registers,
    })
    for (const reason of reasons) this.#dropped.inc({ reason }, 0)
  }

  onExported(spans: number): void {
    this.#exported.inc(spans)
  }

  onDropped(spans: number, reason: (typeof reasons)[number]): void {
    this.#dropped.inc({ reason }, spans)
  }
}
