// Writes docs/metrics.md from the registry of metrics; with --check it only reports whether the page is current.
import { readFileSync, writeFileSync } from 'node:fs'
import type { Registry } from 'prom-client'
import { ReloadMetrics } from '../src/ops/metrics/reload-metrics.ts'
import { Metrics } from '../src/ops/metrics.ts'
import { WorkerMetrics } from '../src/ops/processes/worker-metrics.ts'
import { sourceKinds } from '../src/sources/kinds.ts'

const page = new URL('../docs/metrics.md', import.meta.url)
/** Name prefixes of the runtime's own metrics. */
const ofTheProcess = /^(process|nodejs)_/

/** The facts about a metric. */
export interface MetricFacts {
  readonly name: string
  readonly type: string
  readonly labels: readonly string[]
  readonly help: string
  /** How the values of several workers become one. */
  readonly aggregator: string
}

/** Every metric that the gateway exports, by name. */
export async function metricFacts(): Promise<MetricFacts[]> {
  const metrics = new Metrics()
  new ReloadMetrics(metrics.registry)
  metrics.readGauges({
    version: '',
    isReady: () => true,
    callsInFlight: () => 0,
    requestsInFlight: () => 0,
    connections: () => 0,
    httpConnections: () => 0,
    inFlightBytes: () => 0,
    requestMemoryBytes: () => 0,
    transactions: () => 0,
    sources: () => [],
    drains: () => [],
    slots: () => [],
  })
  metrics.cost.readGauges({ budgets: async () => [], forecasts: async () => [], waitingBills: () => 0 })
  metrics.cache.begin([], [], { entries: () => 0, bytes: () => 0 })
  metrics.sharedCache.begin({ isUp: () => true, pendingBytes: () => 0 })
  metrics.identity.readGauges({ keyExpiries: () => [] })
  metrics.identity.readCertificates(() => [])
  metrics.audit.begin({ isUp: () => true, pendingBytes: () => 0 })
  metrics.redis.readGauges({ isRedisUp: () => true, breakers: () => [] })
  for (const kind of Object.values(sourceKinds)) kind.declareMetrics?.(metrics.ofSources.of('any'))
  const ofPrimary = new WorkerMetrics({ readyCount: () => 0, configured: 1 }).registry
  const facts = [metrics.registry, ofPrimary].map(async (registry) =>
    (await registry.getMetricsAsJSON())
      .filter(({ name }) => registry === metrics.registry || !ofTheProcess.test(name))
      .map(({ name, type, help, aggregator }) => ({
        name,
        type: String(type),
        labels: labelsOf(registry, name),
        help,
        aggregator,
      })),
  )
  return (await Promise.all(facts)).flat().sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The expected content of the page. */
export async function metricsDocs(): Promise<string> {
  const facts = await metricFacts()
  const rows = facts
    .filter(({ name }) => !ofTheProcess.test(name))
    .map(({ name, type, labels, help }) => {
      const names = labels.map((label) => `\`${label}\``).join(', ')
      return `| \`${name}\` | ${type} | ${names} | ${help} |`
    })
  return `# Metrics

\`/metrics\` of the HTTP port serves these metrics in Prometheus' text format. [Operations](operations.md#what-to-alert-on) has the alerts.

| Convention | Meaning |
|---|---|
| units | times in seconds, sizes in bytes |
| counters | begin at 0 with the process |
| histograms | have the series \`_bucket\`, \`_sum\` and \`_count\` |
| label \`source\` | the name of a source in the configuration |
| several workers | values are the sum over all workers, whichever one answers; metrics of the runtime have the label \`worker\` ([workers](scaling.md#workers)) |
| label \`address\` | one of its servers, as the configuration writes it; \`location\` for nodes that a server names |

| Metric | Type | Labels | Meaning |
|---|---|---|---|
${rows.join('\n')}

The runtime adds \`process_*\` and \`nodejs_*\`: CPU, memory, open files, handles, garbage collection and the lag of the event loop
(\`nodejs_eventloop_lag_p99_seconds\`).
`
}

function labelsOf(registry: Registry, name: string): readonly string[] {
  const { labelNames } = registry.getSingleMetric(name) as unknown as { readonly labelNames: readonly string[] }
  return labelNames
}

if (import.meta.main) {
  const docs = await metricsDocs()
  if (!process.argv.includes('--check')) writeFileSync(page, docs)
  else if (readFileSync(page, 'utf8') !== docs) {
    process.stderr.write('docs/metrics.md is not current: run scripts/generate-metrics-docs.ts\n')
    process.exitCode = 1
  }
}
