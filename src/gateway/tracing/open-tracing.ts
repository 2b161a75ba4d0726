import type { Scope } from '../../async/scope.ts'
import type { Config } from '../../config/config.ts'
import type { TracingMetrics } from '../../ops/metrics/tracing-metrics.ts'
import { packageVersion } from '../../ops/version.ts'
import type { Tracer } from '../../query/tracing/span.ts'
import type { Logger } from '../../query/types.ts'
import { ExportLog } from './export-log.ts'

/** Longest time for the last spans when the process ends, in milliseconds. */
const MAX_FLUSH_MS = 3000
/** Bounds of a span, so that the queue has one in bytes. */
const spanLimits = {
  attributeValueLengthLimit: 2048,
  attributeCountLimit: 40,
  eventCountLimit: 16,
  linkCountLimit: 64,
}

/** What tracing needs. */
export interface TracingParts {
  readonly settings: NonNullable<Config['tracing']>
  /** Distinguishes the processes of the service. */
  readonly instanceId: string
  readonly metrics: TracingMetrics
  readonly log: Logger
}

/** Loads OpenTelemetry and opens the way to the collector, which need not be there. The scope exports the last spans. */
export async function openTracing({ settings, instanceId, metrics, log }: TracingParts, scope: Scope): Promise<Tracer> {
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }, { SpanQueue }, { SdkTracer }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
    import('./span-queue.ts'),
    import('./otel-tracer.ts'),
  ])
  const { endpoint, headers, timeoutMs, sampleRatio, serviceName, resourceAttributes } = settings
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    headers: { ...headers },
    timeoutMillis: timeoutMs,
    concurrencyLimit: 2,
  })
  const queue = new SpanQueue(exporter, settings, new ExportLog(metrics, log))
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      'service.name': serviceName,
      'service.version': packageVersion(),
      'service.instance.id': instanceId,
      ...resourceAttributes,
    }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(sampleRatio) }),
    spanLimits,
    spanProcessors: [queue],
  })
  scope.defer(async () => {
    // Spans of calls end in the turn after their calls.
    await new Promise((resolve) => setImmediate(resolve))
    await queue.close(Math.min(timeoutMs, MAX_FLUSH_MS))
    // It waits for an export that hangs; the process ends without it.
    exporter.shutdown().catch(() => {})
  })
  return new SdkTracer(provider.getTracer('flightgate', packageVersion()))
}
