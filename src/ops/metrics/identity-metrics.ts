import { Gauge, type Registry } from 'prom-client'

/** Reads the values of gauges at each scrape. */
export interface IdentityReaders {
  /** When principals lose their last API key, in Unix milliseconds. */
  keyExpiries(): Iterable<{ readonly principal: string; readonly expiresAt: number }>
}

/** Metrics of the credentials of callers. */
export class IdentityMetrics {
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** Adds the gauges; to be called once the objects that `read` reads exist. */
  readGauges(read: IdentityReaders): void {
    new Gauge({
      name: 'flightgate_api_key_expires_timestamp_seconds',
      help: 'When the last API key of a principal ends, in Unix seconds. Absent for principals that have a key without an end.',
      labelNames: ['principal'],
      registers: [this.#registry],
      aggregator: 'min',
      collect() {
        // A principal may have got a key without an end.
        this.reset()
        for (const { principal, expiresAt } of read.keyExpiries()) this.set({ principal }, expiresAt / 1000)
      },
    })
  }
}
