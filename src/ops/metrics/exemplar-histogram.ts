import { Histogram, type HistogramConfiguration, type Metric } from 'prom-client'
import { childrenOf } from '../children.ts'

/** Ids of the span of an observation. */
export interface ObservedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Whether a collector gets the span. */
  readonly isSampled: boolean
}

/** The latest observation of a bucket that leads to a trace. */
export interface Exemplar {
  readonly traceId: string
  readonly spanId: string
  readonly value: number
  /** Unix time in seconds. */
  readonly at: number
}

/** A bucket of a histogram with one label: its label's value and its upper bound. */
type Bucket = `${string}\0${string}`

const exemplars = new WeakMap<object, Map<Bucket, Exemplar>>()

/**
 * Returns a function that observes a value of a histogram with one label. If the span is exported, its ids become the exemplar of
 * the bucket, which leads from a latency to a trace. Kept here, since prom-client has exemplars only in registries that offer
 * nothing but OpenMetrics.
 */
export function exemplarHistogram(
  configuration: Omit<HistogramConfiguration<string>, 'labelNames'> & {
    readonly label: string
    readonly buckets: readonly number[]
  },
): (label: string, value: number, span?: ObservedSpan) => void {
  const { label: name, buckets, ...rest } = configuration
  const histogram = new Histogram({ ...rest, buckets: [...buckets], labelNames: [name] })
  const children = childrenOf(histogram)
  const known = new Map<Bucket, Exemplar>()
  exemplars.set(histogram, known)
  return (label, value, span) => {
    children(label).observe(value)
    if (!span?.isSampled) return
    const bound = buckets.find((each) => value <= each) ?? '+Inf'
    const { traceId, spanId } = span
    known.set(`${label}\0${bound}`, { traceId, spanId, value, at: Date.now() / 1000 })
  }
}

/** The exemplar of a bucket, if the metric has one. @param label value of its label besides `le` */
export function exemplarOf(metric: Metric | undefined, label: string, bound: string): Exemplar | undefined {
  return metric && exemplars.get(metric)?.get(`${label}\0${bound}`)
}
