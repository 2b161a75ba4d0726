import type { SourceMetrics } from '../../query/source-metrics.ts'
import type { EndpointObserver } from './pool/endpoint.ts'

/** The current state of one address. */
export interface PoolReading {
  readonly name: string
  readonly state: 'open' | 'half-open' | 'closed'
  readonly pool: { readonly stats: { readonly idle: number; readonly inUse: number; readonly waiting: number } }
}

/** Upper bounds of buckets, in seconds. */
const acquireSeconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30]

/** Counts the events of a source's connections; `docs/metrics.md` explains each metric. */
export function connectionMetrics(metrics: SourceMetrics): EndpointObserver {
  const created = metrics.counter({
    name: 'flightgate_pool_created_total',
    help: 'Connections to a server that were opened and logged in.',
    labelNames: ['address'],
  })
  const destroyed = metrics.counter({
    name: 'flightgate_pool_destroyed_total',
    help: 'Connections to a server that were closed, by reason: failed (a call broke), unusable (the server closed it or rejects its login), unhealthy (a health check failed), aged (pool.maxAgeMs), idle (pool.idleTimeoutMs), closed (no longer needed).',
    labelNames: ['address', 'reason'],
  })
  const acquires = metrics.counter({
    name: 'flightgate_pool_acquires_total',
    help: 'Leases of connections; reused tells whether the connection had been leased before.',
    labelNames: ['address', 'reused'],
  })
  const acquireTimes = metrics.histogram({
    name: 'flightgate_pool_acquire_seconds',
    help: 'Time that calls waited for the lease of a connection, including connect and login.',
    labelNames: ['address'],
    buckets: acquireSeconds,
  })
  const retries = metrics.counter({
    name: 'flightgate_upstream_retries_total',
    help: 'Calls that were retried before their first response, by the address of the retry.',
    labelNames: ['address'],
  })
  const breakerChanges = metrics.counter({
    name: 'flightgate_breaker_changes_total',
    help: 'State changes of the circuit breaker of an address, by the new state: open, half-open, closed.',
    labelNames: ['address', 'state'],
  })
  const held = metrics.gauge({
    name: 'flightgate_slow_reader_bytes',
    help: 'Bytes buffered for clients that have stopped reading (slowReader), by place: memory, or temporary files on disk.',
    labelNames: ['place'],
  })
  return {
    onCreate: (address) => created(address).inc(),
    onDestroy: (address, reason) => destroyed(address, reason).inc(),
    onRetry: (address) => retries(address).inc(),
    onAcquire(address, acquireMs, reused) {
      acquires(address, String(reused)).inc()
      acquireTimes(address).observe(acquireMs / 1000)
    },
    onBuffered(memoryDelta, spillDelta) {
      if (memoryDelta !== 0) held('memory').inc(memoryDelta)
      if (spillDelta !== 0) held('file').inc(spillDelta)
    },
    onBreaker: (address, state) => breakerChanges(address, state).inc(),
  }
}

/** Reads the pools of a source at each scrape. An address has several pools: one for each schema that sessions chose. */
export function poolMetrics(metrics: SourceMetrics, pools: () => Iterable<PoolReading>): void {
  metrics.reading(
    {
      name: 'flightgate_pool_connections',
      help: 'Connections to a server by state: idle, in_use. State waiting counts calls that wait for one: if it stays above 0, pool.max is too low.',
      labelNames: ['address', 'state'],
    },
    function* () {
      for (const { name, pool } of pools()) {
        const { idle, inUse, waiting } = pool.stats
        yield [idle, name, 'idle']
        yield [inUse, name, 'in_use']
        yield [waiting, name, 'waiting']
      }
    },
  )
  metrics.reading(
    {
      name: 'flightgate_breaker_open',
      help: '1 while the circuit breaker of an address is open or half-open and rejects calls; else 0.',
      labelNames: ['address'],
      // Each worker has breakers of its own: one that rejects calls is enough.
      aggregator: 'max',
    },
    function* () {
      // All pools of an address share its breaker.
      const states = new Map(Array.from(pools(), ({ name, state }) => [name, state]))
      for (const [name, state] of states) yield [state === 'closed' ? 0 : 1, name]
    },
  )
}
