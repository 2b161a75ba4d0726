import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { childrenOf } from '../children.ts'

const commandSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Reads the values of gauges at each scrape. */
export interface StateReaders {
  /** Whether Redis answers; undefined if it is not configured. */
  isRedisUp(): boolean | undefined
  /** The uses of the shared state, and whether their calls fail at once. */
  breakers(): Iterable<{ readonly use: string; readonly isOpen: boolean }>
}

/** Metrics of the shared state and of Redis. */
export class RedisMetrics {
  readonly #registry: Registry
  readonly #commands
  readonly #seconds
  readonly #corrupt

  constructor(registry: Registry) {
    this.#registry = registry
    const registers = [registry]
    this.#commands = childrenOf(
      new Counter({
        name: 'flightgate_redis_commands_total',
        help: 'Commands to Redis that have ended, by outcome: ok, error (of the server or the connection), timeout (no answer within redis.commandTimeoutMs).',
        labelNames: ['outcome'],
        registers,
      }),
    )
    for (const outcome of ['ok', 'error', 'timeout']) this.#commands(outcome).inc(0)
    this.#seconds = new Histogram({
      name: 'flightgate_redis_command_duration_seconds',
      help: 'Time of commands to Redis, with those that failed.',
      buckets: commandSeconds,
      registers,
    })
    this.#corrupt = new Counter({
      name: 'flightgate_redis_corrupt_entries_total',
      help: 'Values and messages in Redis that were not what a gateway had written, by their checksum. They count as absent.',
      registers,
    })
  }

  onCommand(outcome: string, seconds: number): void {
    this.#commands(outcome).inc()
    this.#seconds.observe(seconds)
  }

  onCorrupt(): void {
    this.#corrupt.inc()
  }

  /** Adds the gauges; to be called once the objects that `read` reads exist. */
  readGauges(read: StateReaders): void {
    const registers = [this.#registry]
    new Gauge({
      name: 'flightgate_redis_up',
      help: 'Whether Redis answers (1) or not (0). Absent if it is not configured.',
      registers,
      // Of several workers, the one that gets no answer counts.
      aggregator: 'min',
      collect() {
        this.reset()
        const isUp = read.isRedisUp()
        if (isUp === undefined) this.remove()
        else this.set(isUp ? 1 : 0)
      },
    })
    new Gauge({
      name: 'flightgate_state_breaker_open',
      help: 'Whether calls of a use to the shared state fail at once (1), because one had no answer in time.',
      labelNames: ['use'],
      registers,
      aggregator: 'max',
      collect() {
        for (const { use, isOpen } of read.breakers()) this.set({ use }, isOpen ? 1 : 0)
      },
    })
  }
}
