/** What a metric is called and means. The label `source` comes by itself, before the others. */
export interface MetricFacts {
  readonly name: string
  /** A sentence; `docs/metrics.md` shows it. */
  readonly help: string
  readonly labelNames: readonly string[]
}

/** A number that changes while the process runs; a counter only grows. */
export interface Count {
  inc(by?: number): void
}

/** Counts values by size. */
export interface Distribution {
  observe(value: number): void
}

/**
 * The metrics of one source. Several sources may declare the same metric: each has the series with its own name in the
 * label `source`. What a declaration returns takes the values of the other labels in their order.
 */
export interface SourceMetrics {
  counter(facts: MetricFacts): (...labels: string[]) => Count
  /** A number that may also shrink: counted up and down. */
  gauge(facts: MetricFacts): (...labels: string[]) => Count
  /** @param facts with the upper bounds of the buckets */
  histogram(facts: MetricFacts & { readonly buckets: readonly number[] }): (...labels: string[]) => Distribution
  /**
   * A number that is read when Prometheus asks.
   * @param read the values now, each with the values of its labels; values with the same labels are added up
   */
  reading(facts: MetricFacts, read: () => Iterable<readonly [value: number, ...labels: string[]]>): void
}
