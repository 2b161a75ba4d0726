import type { Registry } from 'prom-client'
import { type MetricJson, textOfProcesses } from '../../ops/processes/process-metrics.ts'
import type { WorkerGroup } from './worker-group.ts'

/** Metrics in Prometheus' text format. */
export interface MetricsText {
  readonly contentType: string
  readonly body: string
}

/** Returns what answers `/metrics`: the metrics of this process, or of all workers if there are several. */
export function scrapedMetrics(registry: Registry, group: WorkerGroup | undefined): () => Promise<MetricsText> {
  if (!group) {
    return async () => {
      await callsHaveEnded()
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
