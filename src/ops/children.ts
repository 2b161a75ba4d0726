/** What has values by label, as the metrics of prom-client do. */
interface Labelled<C> {
  labels(...values: string[]): C
}

/**
 * The child of a metric by the values of its labels, in their order. Each is looked up once: that costs more than counting.
 * @param first values that the first labels always have
 */
export function childrenOf<C>(metric: Labelled<C>, ...first: readonly string[]): (...values: string[]) => C {
  const known = new Map<string, C>()
  return (...values) => {
    const key = values.length === 1 ? values[0]! : values.join('\0')
    let child = known.get(key)
    if (child === undefined) {
      child = metric.labels(...first, ...values)
      known.set(key, child)
    }
    return child
  }
}
