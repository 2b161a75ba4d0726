import { Counter, Gauge, type Registry } from 'prom-client'
import { childrenOf } from '../children.ts'

const outcomes = ['hit', 'joined', 'miss'] as const

/** Reads the values of gauges at each scrape. */
export interface SharedCacheReaders {
  isUp(): boolean
  pendingBytes(): number
}

/** Metrics of the cache level in Redis. */
export class SharedCacheMetrics {
  readonly #registry: Registry
  readonly #reads
  readonly #stored
  readonly #errors
  readonly #corrupt
  readonly #written

  constructor(registry: Registry) {
    this.#registry = registry
    const registers = [registry]
    this.#reads = childrenOf(
      new Counter({
        name: 'flightgate_cache_shared_reads_total',
        help: 'Reads that the memory did not answer, by what the cache level in Redis had: hit (the rows), joined (a run of another process, whose rows followed as they came), miss.',
        labelNames: ['outcome'],
        registers,
      }),
    )
    this.#stored = new Counter({
      name: 'flightgate_cache_shared_stored_total',
      help: 'Results that this process stored in Redis.',
      registers,
    })
    this.#errors = new Counter({
      name: 'flightgate_cache_shared_errors_total',
      help: 'Calls of the cache to Redis that failed or took too long, and results that Redis took too slowly. The statements went on.',
      registers,
    })
    this.#corrupt = new Counter({
      name: 'flightgate_cache_shared_corrupt_total',
      help: 'Values of the cache in Redis that another client has changed. They were not used.',
      registers,
    })
    this.#written = new Counter({
      name: 'flightgate_cache_shared_written_bytes_total',
      help: 'Bytes of rows that this process has written to Redis, as they are stored there.',
      registers,
    })
    for (const outcome of outcomes) this.#reads(outcome).inc(0)
  }

  /** Adds the gauges. */
  begin(read: SharedCacheReaders): void {
    const registers = [this.#registry]
    new Gauge({
      name: 'flightgate_cache_shared_up',
      help: 'Whether the cache level in Redis answers (1) or not (0). Absent without it.',
      registers,
      // Of several workers, the one that gets no answer counts.
      aggregator: 'min',
      collect() {
        this.set(read.isUp() ? 1 : 0)
      },
    })
    new Gauge({
      name: 'flightgate_cache_shared_pending_bytes',
      help: 'Bytes of rows that wait to be written to Redis.',
      registers,
      collect() {
        this.set(read.pendingBytes())
      },
    })
  }

  onRead(outcome: string): void {
    this.#reads(outcome).inc()
  }

  onStored(): void {
    this.#stored.inc()
  }

  onError(): void {
    this.#errors.inc()
  }

  onCorrupt(): void {
    this.#corrupt.inc()
  }

  onWritten(bytes: number): void {
    this.#written.inc(bytes)
  }
}
