import { Counter, Gauge, Histogram, type Metric, type Registry } from 'prom-client'
import { childrenOf } from './children.ts'

/** Declaration of a metric by a source. */
interface Declared {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
}

/** Declaration of a gauge that is read. */
interface DeclaredReading extends Declared {
  /** How the values of several workers become one; by default they are summed. */
  readonly aggregator?: 'sum' | 'max'
}

type Read = () => Iterable<readonly [value: number, ...labels: string[]]>

/** Metrics that sources declare. Sources that declare the same metric share it; the label `source` has the source's name. */
export class SourceMetricsRegistry {
  readonly #registry: Registry
  readonly #reads = new Map<string, { readonly source: string; readonly read: Read }[]>()

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** Returns the functions with which a source declares its metrics. */
  of(source: string) {
    const reads: { readonly name: string; readonly read: Read }[] = []
    return {
      counter: (declared: Declared) =>
        childrenOf(
          this.#shared(declared, (options) => new Counter(options)),
          source,
        ),
      gauge: (declared: Declared) =>
        childrenOf(
          this.#shared(declared, (options) => new Gauge(options)),
          source,
        ),
      histogram: (declared: Declared & { readonly buckets: readonly number[] }) =>
        childrenOf(
          this.#shared(declared, (options) => new Histogram({ ...options, buckets: [...declared.buckets] })),
          source,
        ),
      reading: (declared: DeclaredReading, read: Read) => {
        reads.push({ name: declared.name, read })
        this.#addReading(declared, source, read)
      },
      /** Removes the readings; counters stay, since monitoring would take less for a restart. */
      end: () => {
        for (const { name, read } of reads) {
          const all = this.#reads.get(name)!
          const at = all.findIndex((each) => each.read === read)
          if (at >= 0) all.splice(at, 1)
        }
      },
    }
  }

  #addReading(declared: DeclaredReading, source: string, read: Read): void {
    const { aggregator = 'sum' } = declared
    const reads = this.#reads.get(declared.name) ?? []
    this.#reads.set(declared.name, reads)
    reads.push({ source, read })
    this.#shared(
      declared,
      (options) =>
        new Gauge({
          ...options,
          aggregator,
          collect() {
            this.reset()
            for (const each of reads)
              for (const [value, ...labels] of each.read()) this.labels(each.source, ...labels).inc(value)
          },
        }),
    )
  }

  /** Returns the metric of this name; its first declaration creates it. */
  #shared<M extends Metric>(
    { name, help, labelNames }: Declared,
    make: (options: { name: string; help: string; labelNames: string[]; registers: Registry[] }) => M,
  ): M {
    const known = this.#registry.getSingleMetric(name) as M | undefined
    return known ?? make({ name, help, labelNames: ['source', ...labelNames], registers: [this.#registry] })
  }
}
