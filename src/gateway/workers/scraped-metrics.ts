import type { Registry } from 'prom-client'
import { OPEN_METRICS, openMetricsText, prefersOpenMetrics } from '../../ops/metrics/open-metrics.ts'
import { type MetricJson, textOfProcesses } from '../../ops/processes/process-metrics.ts'
import type { WorkerGroup } from './worker-group.ts'

/** Metrics in Prometheus' text format. */
export interface MetricsText {
  readonly contentType: string
  readonly body: string
}

/**
 * Returns what answers `/metrics`: the metrics of this process, or of all workers if there are several, whose exemplars are not
 * gathered.
 * @param hasExemplars whether OpenMetrics, which has them, is offered beside Prometheus' own format
 */
export function scrapedMetrics(
  registry: Registry,
  group: WorkerGroup | undefined,
  hasExemplars: boolean,
): (accept: string | undefined) => Promise<MetricsText> {
  if (!group) {
    return async (accept) => {
      await callsHaveEnded()
      if (hasExemplars && prefersOpenMetrics(accept))
        return { contentType: OPEN_METRICS, body: await openMetricsText(registry) }
      return { contentType: registry.contentType, body: await registry.metrics() }
    }
  }
  const own = async () => {
    await callsHaveEnded()
    return (await registry.getMetricsAsJSON()) as unknown as readonly MetricJson[]
  }
  group.onCollect(own)
  return async () => {
    const all = await group.gatherMetrics()
    return await textOfProcesses(all ?? [{ worker: String(group.worker), metrics: await own() }])
  }
}

/** Calls count in the turn after their end: a scrape by a client that has its answer must count its call. */
async function callsHaveEnded(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
