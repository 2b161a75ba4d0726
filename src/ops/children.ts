/** A metric with labels, as in prom-client. */
interface Labelled<C> {
  labels(...values: string[]): C
}

/**
 * Returns a function that finds the child of a metric by its label values, in order. It caches each child, since prom-client's
 * lookup costs more than counting.
 * @param first fixed values of the first labels
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
