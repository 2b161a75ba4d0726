import type { SourceMetrics } from '../../query/source-metrics.ts'
import type { EndpointObserver } from './pool/endpoint.ts'

/** The connections to one address now. */
export interface PoolReading {
  readonly name: string
  readonly state: 'open' | 'half-open' | 'closed'
  readonly pool: { readonly stats: { readonly idle: number; readonly inUse: number; readonly waiting: number } }
}

/** Upper bounds of buckets, in seconds. */
const acquireSeconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30]

/** Counts what happens to the connections of a source; `docs/metrics.md` explains each metric. */
export function connectionMetrics(metrics: SourceMetrics): EndpointObserver {
  const created = metrics.counter({
    name: 'flightgate_pool_created_total',
    help: 'Connections to a server that were made and logged in.',
    labelNames: ['address'],
  })
  const destroyed = metrics.counter({
    name: 'flightgate_pool_destroyed_total',
    help: 'Connections to a server that have ended, by reason: failed (a call on it broke), unusable (the server ended it, or takes its login no more), unhealthy (a check of it failed), aged (pool.maxAgeMs), idle (pool.idleTimeoutMs), closed (no longer needed).',
    labelNames: ['address', 'reason'],
  })
  const acquires = metrics.counter({
    name: 'flightgate_pool_acquires_total',
    help: 'Connections lent to calls; reused tells whether they had been used before.',
    labelNames: ['address', 'reused'],
  })
  const acquireTimes = metrics.histogram({
    name: 'flightgate_pool_acquire_seconds',
    help: 'Time that calls waited until a connection was lent to them, connecting and logging in included.',
    labelNames: ['address'],
    buckets: acquireSeconds,
  })
  const retries = metrics.counter({
    name: 'flightgate_upstream_retries_total',
    help: 'Calls that were tried again before their first answer, by the address of the further attempt.',
    labelNames: ['address'],
  })
  const breakerChanges = metrics.counter({
    name: 'flightgate_breaker_changes_total',
    help: 'Changes of the circuit breaker of an address, by the state it changed to: open, half-open, closed.',
    labelNames: ['address', 'state'],
  })
  const held = metrics.gauge({
    name: 'flightgate_slow_reader_bytes',
    help: 'Bytes that results of clients who have stopped reading take (slowReader), by place: memory, or temporary files on the disk.',
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

/** Shows the pools of a source whenever Prometheus asks. An address has several: one for each schema that sessions chose. */
export function poolMetrics(metrics: SourceMetrics, pools: () => Iterable<PoolReading>): void {
  metrics.reading(
    {
      name: 'flightgate_pool_connections',
      help: 'Connections to a server by state: idle, in_use; waiting are calls that wait for one, which is more than 0 for long when pool.max is too low.',
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
      help: '1 while the circuit breaker of an address is open or half open, so that calls are refused; else 0.',
      labelNames: ['address'],
    },
    function* () {
      // All pools of an address share its breaker.
      const states = new Map(Array.from(pools(), ({ name, state }) => [name, state]))
      for (const [name, state] of states) yield [state === 'closed' ? 0 : 1, name]
    },
  )
}
