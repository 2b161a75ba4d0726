import { Counter, Gauge, type Registry } from 'prom-client'
import { childrenOf } from './children.ts'

const results = ['HIT', 'MISS', 'STALE', 'BYPASS'] as const
const evictionReasons = ['size', 'expired', 'changed', 'cleared'] as const
const planResults = ['HIT', 'MISS'] as const
const outcomes = ['succeeded', 'failed'] as const

/** Reads the values of gauges at each scrape. */
export interface CacheReaders {
  entries(): number
  bytes(): number
}

/** Metrics of the result cache. */
export class CacheMetrics {
  readonly #registry: Registry
  readonly #requests
  readonly #bypasses
  readonly #collapsed
  readonly #stored
  readonly #evictions
  readonly #revalidations
  readonly #plans

  constructor(registry: Registry) {
    this.#registry = registry
    const registers = [registry]
    this.#requests = childrenOf(
      new Counter({
        name: 'flightgate_cache_requests_total',
        help: 'Reads by what the result cache did: HIT (rows from the cache), STALE (older rows from the cache), MISS (the statement ran, or shared the run of another one), BYPASS (the cache did not apply).',
        labelNames: ['source', 'result'],
        registers,
      }),
    )
    this.#bypasses = childrenOf(
      new Counter({
        name: 'flightgate_cache_bypasses_total',
        help: 'Reads to which the result cache did not apply, by reason, such as volatile-function, transaction or no-cache.',
        labelNames: ['reason'],
        registers,
      }),
    )
    this.#collapsed = childrenOf(
      new Counter({
        name: 'flightgate_cache_collapsed_total',
        help: 'Reads that shared the run of another statement that was under way.',
        labelNames: ['source'],
        registers,
      }),
    )
    this.#stored = childrenOf(
      new Counter({
        name: 'flightgate_cache_stored_total',
        help: 'Results that the cache stored.',
        labelNames: ['source'],
        registers,
      }),
    )
    this.#evictions = childrenOf(
      new Counter({
        name: 'flightgate_cache_evictions_total',
        help: 'Results that left the cache, by reason: size (cache.maxBytes), expired (time to live), changed (a statement changed their tables), cleared (by an operator).',
        labelNames: ['reason'],
        registers,
      }),
    )
    this.#revalidations = childrenOf(
      new Counter({
        name: 'flightgate_cache_revalidations_total',
        help: 'Statements of stale results that ran again in the background, by outcome: succeeded, failed.',
        labelNames: ['outcome'],
        registers,
      }),
    )
    this.#plans = childrenOf(
      new Counter({
        name: 'flightgate_plan_cache_requests_total',
        help: 'Plans that the plan cache may keep, by result: HIT (the engine was not asked), MISS.',
        labelNames: ['source', 'result'],
        registers,
      }),
    )
    for (const reason of evictionReasons) this.#evictions(reason).inc(0)
    for (const outcome of outcomes) this.#revalidations(outcome).inc(0)
  }

  /** Exports the counters of sources and of reasons as zero, and adds the gauges. */
  begin(sources: readonly string[], reasons: readonly string[], read: CacheReaders): void {
    for (const source of sources) {
      for (const result of results) this.#requests(source, result).inc(0)
      for (const result of planResults) this.#plans(source, result).inc(0)
      this.#collapsed(source).inc(0)
      this.#stored(source).inc(0)
    }
    for (const reason of reasons) this.#bypasses(reason).inc(0)
    const registers = [this.#registry]
    new Gauge({
      name: 'flightgate_cache_entries',
      help: 'Results in the cache of this process.',
      registers,
      collect() {
        this.set(read.entries())
      },
    })
    new Gauge({
      name: 'flightgate_cache_bytes',
      help: 'Memory of the results in the cache of this process, and of those that are being recorded; at most cache.maxBytes.',
      registers,
      collect() {
        this.set(read.bytes())
      },
    })
  }

  onRequest(source: string, result: string): void {
    this.#requests(source, result).inc()
  }

  onBypass(reason: string): void {
    this.#bypasses(reason).inc()
  }

  onCollapsed(source: string): void {
    this.#collapsed(source).inc()
  }

  onStored(source: string): void {
    this.#stored(source).inc()
  }

  onEvicted(reason: string): void {
    this.#evictions(reason).inc()
  }

  onRevalidated(outcome: string): void {
    this.#revalidations(outcome).inc()
  }

  onPlan(source: string, result: string): void {
    this.#plans(source, result).inc()
  }
}
