/** Definition of a metric. The label `source` is added first, automatically. */
export interface MetricFacts {
  readonly name: string
  /** A sentence; `docs/metrics.md` shows it. */
  readonly help: string
  readonly labelNames: readonly string[]
}

/** A counter, which only grows, or a gauge. */
export interface Count {
  inc(by?: number): void
}

/** A histogram. */
export interface Distribution {
  observe(value: number): void
}

/**
 * The metrics of one source. Several sources may declare the same metric; the label `source` separates their series. A
 * declaration returns a function that takes the values of the other labels, in order.
 */
export interface SourceMetrics {
  counter(metric: MetricFacts): (...labels: string[]) => Count
  gauge(metric: MetricFacts): (...labels: string[]) => Count
  /** @param metric includes the upper bounds of the buckets */
  histogram(metric: MetricFacts & { readonly buckets: readonly number[] }): (...labels: string[]) => Distribution
  /**
   * A gauge that is read at each scrape.
   * @param metric includes how the values of several workers become one; by default they are summed
   * @param read returns the current values with their labels; values with the same labels are summed
   */
  reading(
    metric: MetricFacts & { readonly aggregator?: 'sum' | 'max' },
    read: () => Iterable<readonly [value: number, ...labels: string[]]>,
  ): void
}
