import type { Metric, Registry } from 'prom-client'
import { exemplarOf } from './exemplar-histogram.ts'

export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** A sample as prom-client returns it. */
interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

const TOTAL = '_total'

/**
 * The metrics in OpenMetrics' text format, with exemplars. Not by prom-client itself, which renames the counters of the registry
 * for its other format too.
 * Source: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md.
 */
export async function openMetricsText(registry: Registry): Promise<string> {
  const lines: string[] = []
  for (const { name, type: kind, help, values } of await registry.getMetricsAsJSON()) {
    const type = String(kind)
    const isCounter = type === 'counter' && name.endsWith(TOTAL)
    const family = isCounter ? name.slice(0, -TOTAL.length) : name
    // Only counters end in _total there.
    lines.push(`# TYPE ${family} ${type === 'counter' && !isCounter ? 'unknown' : type}`)
    lines.push(`# HELP ${family} ${escaped(help)}`)
    const metric = registry.getSingleMetric(name)
    for (const { labels, value, metricName } of values as readonly Sample[]) {
      const sample = metricName ?? name
      lines.push(`${sample}${labelsText(labels)} ${numberText(value)}${exemplarText(metric, labels)}`)
    }
  }
  return `${lines.join('\n')}\n# EOF\n`
}

/** Whether a client prefers OpenMetrics to Prometheus' own format, by its header `accept`. */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const qualityOf = (type: string) =>
    Math.max(
      0,
      ...accept
        .split(',')
        .map((range) => range.split(';').map((part) => part.trim().toLowerCase()))
        .filter(([name]) => name === type)
        .map((parts) => Number(parts.find((part) => part.startsWith('q='))?.slice(2) ?? 1) || 0),
    )
  const quality = qualityOf('application/openmetrics-text')
  return quality > 0 && quality >= qualityOf('text/plain')
}

function labelsText(labels: Sample['labels']): string {
  const all = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`)
  return all.length > 0 ? `{${all.join(',')}}` : ''
}

function exemplarText(metric: Metric | undefined, { le, ...labels }: Sample['labels']): string {
  if (le === undefined) return ''
  const exemplar = exemplarOf(metric, String(Object.values(labels)[0]), String(le))
  if (!exemplar) return ''
  const { traceId, spanId, value, at } = exemplar
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${numberText(value)} ${at.toFixed(3)}`
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}
