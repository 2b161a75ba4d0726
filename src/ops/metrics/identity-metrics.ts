import { Counter, Gauge, type Registry } from 'prom-client'

/** Reads the values of gauges at each scrape. */
export interface IdentityReaders {
  /** When principals lose their last API key, in Unix milliseconds. */
  keyExpiries(): Iterable<{ readonly principal: string; readonly expiresAt: number }>
}

/** Reads the certificates of the gateway's own ports. */
export type CertificateReader = () => Iterable<{ readonly port: string; readonly expiresAt: number }>

/** Metrics of credentials: those of callers, and the certificates with which the gateway shows who it is. */
export class IdentityMetrics {
  readonly #registry: Registry
  readonly #tokens
  readonly #fetches

  constructor(registry: Registry) {
    this.#registry = registry
    this.#tokens = new Counter({
      name: 'flightgate_oidc_tokens_total',
      help: 'Tokens of OpenID Connect that were checked, by issuer and outcome: ok, expired, refused (wrong signature, audience or form), forbidden (no role), unavailable (no keys of the issuer). Tokens that the gateway knows already do not count.',
      labelNames: ['issuer', 'outcome'],
      registers: [registry],
    })
    this.#fetches = new Counter({
      name: 'flightgate_oidc_key_fetches_total',
      help: 'Requests for the keys of OpenID Connect issuers, by issuer and outcome: ok or failed.',
      labelNames: ['issuer', 'outcome'],
      registers: [registry],
    })
  }

  onToken(issuer: string, outcome: string): void {
    this.#tokens.inc({ issuer, outcome })
  }

  onKeysFetched(issuer: string, isOk: boolean): void {
    this.#fetches.inc({ issuer, outcome: isOk ? 'ok' : 'failed' })
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

  /** Adds the gauge of certificates. @param read tells when each ends, in Unix milliseconds */
  readCertificates(read: CertificateReader): void {
    new Gauge({
      name: 'flightgate_certificate_expiry_timestamp_seconds',
      help: 'When the certificate of a port ends, or one of its chain if that ends earlier, in Unix seconds, by port: flight, http, replica. Absent for ports without TLS.',
      labelNames: ['port'],
      registers: [this.#registry],
      // Of several workers, the one counts that has not taken a renewed certificate.
      aggregator: 'min',
      collect() {
        for (const { port, expiresAt } of read()) this.set({ port }, expiresAt / 1000)
      },
    })
  }
}
