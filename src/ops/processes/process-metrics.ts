import { AggregatorRegistry } from 'prom-client'

/** A metric with its values, as `Registry.getMetricsAsJSON` returns it. */
export interface MetricJson {
  readonly name: string
  readonly type: unknown
  readonly aggregator?: string
  readonly values: readonly { readonly labels: Readonly<Record<string, unknown>>; readonly value: number }[]
}

/** The metrics of one of several processes. */
export interface ProcessMetrics {
  /** Value of the label `worker`. */
  readonly worker: string
  readonly metrics: readonly MetricJson[]
}

/** Metrics of the runtime. They belong to one process, so that a sum of them would say little. */
const ofTheRuntime = /^(process|nodejs)_/

/**
 * The metrics of several processes as one text in Prometheus' format: counters, histograms and most gauges are summed up;
 * a gauge may declare another `aggregator`. Metrics of the runtime get the label `worker` instead.
 */
export async function textOfProcesses(
  all: readonly ProcessMetrics[],
): Promise<{ readonly contentType: string; readonly body: string }> {
  const registry = AggregatorRegistry.aggregate(all.map(labelled))
  return { contentType: registry.contentType, body: await registry.metrics() }
}

/** The sum of the counters and histograms of processes that have ended: without them the sum of all would decrease. */
export async function sumOfCounts(all: readonly (readonly MetricJson[])[]): Promise<readonly MetricJson[]> {
  return (await AggregatorRegistry.aggregate([...all]).getMetricsAsJSON()) as unknown as readonly MetricJson[]
}

/** The counters and histograms of a process, without those of the runtime. */
export function countsOf(metrics: readonly MetricJson[]): readonly MetricJson[] {
  return metrics.filter(({ name, type }) => (type === 'counter' || type === 'histogram') && !ofTheRuntime.test(name))
}

function labelled({ worker, metrics }: ProcessMetrics): readonly MetricJson[] {
  return metrics.map((metric) => {
    if (!ofTheRuntime.test(metric.name)) return metric
    const values = metric.values.map((each) => ({ ...each, labels: { ...each.labels, worker } }))
    return { ...metric, aggregator: 'sum', values }
  })
}
