import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { childrenOf } from './children.ts'

/** The connections to one address now. */
export interface PoolReading {
  readonly source: string
  readonly address: string
  readonly state: 'open' | 'half-open' | 'closed'
  readonly size: number
  readonly idle: number
  readonly inUse: number
  readonly waiting: number
}

const acquireSeconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30]

/** The metrics of pooled connections; `docs/metrics.md` explains each. */
export class UpstreamMetrics {
  readonly #created = new Counter({
    name: 'flightgate_pool_created_total',
    help: 'Connections to a server that were made and logged in.',
    labelNames: ['source', 'address'],
    registers: [],
  })
  readonly #destroyed = new Counter({
    name: 'flightgate_pool_destroyed_total',
    help: 'Connections to a server that have ended, by reason: failed (a call on it broke), unusable (the server ended it, or takes its login no more), unhealthy (a check of it failed), aged (pool.maxAgeMs), idle (pool.idleTimeoutMs), closed (no longer needed).',
    labelNames: ['source', 'address', 'reason'],
    registers: [],
  })
  readonly #acquires = new Counter({
    name: 'flightgate_pool_acquires_total',
    help: 'Connections lent to calls; reused tells whether they had been used before.',
    labelNames: ['source', 'address', 'reused'],
    registers: [],
  })
  readonly #acquireSeconds = new Histogram({
    name: 'flightgate_pool_acquire_seconds',
    help: 'Time that calls waited until a connection was lent to them, connecting and logging in included.',
    labelNames: ['source', 'address'],
    buckets: acquireSeconds,
    registers: [],
  })
  readonly #retries = new Counter({
    name: 'flightgate_upstream_retries_total',
    help: 'Calls that were tried again before their first answer, by the address of the further attempt.',
    labelNames: ['source', 'address'],
    registers: [],
  })
  readonly #breaker = new Counter({
    name: 'flightgate_breaker_changes_total',
    help: 'Changes of the circuit breaker of an address, by the state it changed to: open, half-open, closed.',
    labelNames: ['source', 'address', 'state'],
    registers: [],
  })

  readonly #held = new Gauge({
    name: 'flightgate_slow_reader_bytes',
    help: 'Bytes that results of clients who have stopped reading take (slowReader), by place: memory, or temporary files on the disk.',
    labelNames: ['source', 'place'],
    registers: [],
  })

  /** What a source tells of its connections. */
  observer(source: string) {
    const acquires = childrenOf(this.#acquires)
    const acquireSeconds = childrenOf(this.#acquireSeconds)
    return {
      onCreate: (address: string) => this.#created.inc({ source, address }),
      onDestroy: (address: string, reason: string) => this.#destroyed.inc({ source, address, reason }),
      onRetry: (address: string) => this.#retries.inc({ source, address }),
      onAcquire: (address: string, acquireMs: number, reused: boolean) => {
        acquires(source, address, String(reused)).inc()
        acquireSeconds(source, address).observe(acquireMs / 1000)
      },
      onCushion: (memoryDelta: number, spillDelta: number) => {
        if (memoryDelta !== 0) this.#held.inc({ source, place: 'memory' }, memoryDelta)
        if (spillDelta !== 0) this.#held.inc({ source, place: 'file' }, spillDelta)
      },
      onBreaker: (address: string, state: string) => this.#breaker.inc({ source, address, state }),
    }
  }

  /** Adds the metrics to a registry. @param read the pools, asked for when Prometheus asks */
  register(registry: Registry, read: () => Iterable<PoolReading>): void {
    for (const metric of [
      this.#created,
      this.#destroyed,
      this.#acquires,
      this.#acquireSeconds,
      this.#retries,
      this.#breaker,
      this.#held,
    ])
      registry.registerMetric(metric)
    new Gauge({
      name: 'flightgate_pool_connections',
      help: 'Connections to a server by state: idle, in_use; waiting are calls that wait for one, which is more than 0 for long when pool.max is too low.',
      labelNames: ['source', 'address', 'state'],
      registers: [registry],
      collect() {
        this.reset()
        // An address may have several pools: one for each schema that sessions have chosen.
        for (const { source, address, idle, inUse, waiting } of read()) {
          this.inc({ source, address, state: 'idle' }, idle)
          this.inc({ source, address, state: 'in_use' }, inUse)
          this.inc({ source, address, state: 'waiting' }, waiting)
        }
      },
    })
    new Gauge({
      name: 'flightgate_breaker_open',
      help: '1 while the circuit breaker of an address is open or half open, so that calls are refused; else 0.',
      labelNames: ['source', 'address'],
      registers: [registry],
      collect() {
        for (const { source, address, state } of read()) this.set({ source, address }, state === 'closed' ? 0 : 1)
      },
    })
  }
}
