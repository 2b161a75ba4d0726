import type { SourceMetrics } from '../../../src/query/source-metrics.ts'

/** Metrics of the kind. */
export function dummyMetrics(metrics: SourceMetrics) {
  return metrics.counter({
    name: 'flightgate_dummy_answers_total',
    help: 'Statements that a dummy source has answered, by answer.',
    labelNames: ['answer'],
  })
}
