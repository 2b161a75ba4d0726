import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { CacheMetrics } from './cache-metrics.ts'
import { childrenOf } from './children.ts'
import { CostMetrics } from './cost-metrics.ts'
import { AuditMetrics } from './metrics/audit-metrics.ts'
import { exemplarHistogram, type ObservedSpan } from './metrics/exemplar-histogram.ts'
import { IdentityMetrics } from './metrics/identity-metrics.ts'
import { MAX_PRINCIPALS, OTHER_PRINCIPALS, PrincipalLabels } from './metrics/principal-labels.ts'
import { RedisMetrics } from './metrics/redis-metrics.ts'
import { SharedCacheMetrics } from './metrics/shared-cache-metrics.ts'
import { TracingMetrics } from './metrics/tracing-metrics.ts'
import { SourceMetricsRegistry } from './source-metrics.ts'

const callSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]

/** Gauges of prom-client with the names of counters, which `promtool check metrics` rejects; their variants by type stay. */
export const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** Reads the values of gauges at each scrape. */
export interface GaugeReaders {
  readonly version: string
  /** Whether the process accepts new work. */
  isReady(): boolean
  callsInFlight(): number
  requestsInFlight(): number
  connections(): number
  httpConnections(): number
  inFlightBytes(): number
  requestMemoryBytes(): number
  transactions(): number
  /** Sources with a health check result. */
  sources(): Iterable<{ readonly source: string; readonly isUp: boolean }>
  /** All sources. */
  drains(): Iterable<{ readonly source: string; readonly isDraining: boolean }>
  slots(): Iterable<{ readonly source: string; readonly queued: number; readonly slots: number }>
}

/** Every metric of the gateway; `docs/metrics.md` explains each. */
export class Metrics {
  readonly registry = new Registry()
  /** The metrics that sources declare. */
  readonly ofSources = new SourceMetricsRegistry(this.registry)
  readonly #principals = new PrincipalLabels()
  readonly cost = new CostMetrics(this.registry, this.#principals)
  readonly audit = new AuditMetrics(this.registry)
  readonly redis = new RedisMetrics(this.registry)
  readonly identity = new IdentityMetrics(this.registry)
  readonly cache = new CacheMetrics(this.registry)
  readonly sharedCache = new SharedCacheMetrics(this.registry)
  readonly tracing = new TracingMetrics(this.registry)
  readonly #calls
  readonly #callSeconds
  readonly #requests
  readonly #requestSeconds
  readonly #rows
  readonly #bytes
  readonly #statements
  readonly #statementSeconds
  readonly #firstRowsSeconds
  readonly #statementsOfPrincipals
  readonly #bytesOfPrincipals
  readonly #statementsInFlight
  readonly #queueWaitSeconds
  readonly #quotaRefusals

  constructor() {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    for (const name of misnamed) this.registry.removeSingleMetric(name)
    this.#calls = childrenOf(
      new Counter({
        name: 'flightgate_calls_total',
        help: 'gRPC calls of the Flight port that have ended, by method and by the name of their status, such as OK or UNAVAILABLE; calls of methods that do not exist count as unknown.',
        labelNames: ['method', 'code'],
        registers,
      }),
    )
    this.#callSeconds = exemplarHistogram({
      name: 'flightgate_call_duration_seconds',
      help: 'Time of gRPC calls from the first header to the status; for DoGet it includes how long the client takes to read.',
      label: 'method',
      buckets: callSeconds,
      registers,
    })
    this.#requests = childrenOf(
      new Counter({
        name: 'flightgate_http_requests_total',
        help: 'Requests of the HTTP port that have ended, by route and status; requests of routes that do not exist count as unknown. A result that broke off counts with the status of its error, though its headers said 200.',
        labelNames: ['method', 'route', 'status'],
        registers,
      }),
    )
    this.#requestSeconds = exemplarHistogram({
      name: 'flightgate_http_request_duration_seconds',
      help: 'Time of HTTP requests from the first header to the last byte of the answer; it includes how long the client takes to read.',
      label: 'route',
      buckets: callSeconds,
      registers,
    })
    this.#rows = childrenOf(
      new Counter({
        name: 'flightgate_rows_total',
        help: 'Rows of results handed to clients.',
        labelNames: ['source'],
        registers,
      }),
    )
    this.#bytes = childrenOf(
      new Counter({
        name: 'flightgate_bytes_total',
        help: 'Bytes of results handed to clients, as Arrow messages.',
        labelNames: ['source'],
        registers,
      }),
    )
    this.#statements = childrenOf(
      new Counter({
        name: 'flightgate_statements_total',
        help: 'Statements that have ended, by outcome: OK, or the code of the error that the client got. Statements that could not be planned are included.',
        labelNames: ['source', 'outcome'],
        registers,
      }),
    )
    this.#statementSeconds = exemplarHistogram({
      name: 'flightgate_statement_duration_seconds',
      help: 'Time of statements that were run: waiting for a slot and a connection, running, and being read to the last row.',
      label: 'source',
      buckets: callSeconds,
      registers,
    })
    this.#firstRowsSeconds = childrenOf(
      new Histogram({
        name: 'flightgate_first_rows_seconds',
        help: 'Time from the start of a statement until its first rows were ready for the client: waiting for a slot and a connection, and running. Statements without rows do not count.',
        labelNames: ['source'],
        buckets: callSeconds,
        registers,
      }),
    )
    this.#statementsOfPrincipals = childrenOf(
      new Counter({
        name: 'flightgate_principal_statements_total',
        help: `Statements that were run and have ended, by principal: the first ${MAX_PRINCIPALS} of this process; further ones count as ${OTHER_PRINCIPALS}.`,
        labelNames: ['principal'],
        registers,
      }),
    )
    this.#bytesOfPrincipals = childrenOf(
      new Counter({
        name: 'flightgate_principal_bytes_total',
        help: 'Bytes of the results of these statements, as Arrow messages, by principal.',
        labelNames: ['principal'],
        registers,
      }),
    )
    this.#statementsInFlight = childrenOf(
      new Gauge({
        name: 'flightgate_statements_in_flight',
        help: 'Statements that wait, run or are being read now.',
        labelNames: ['source'],
        registers,
      }),
    )
    this.#queueWaitSeconds = childrenOf(
      new Histogram({
        name: 'flightgate_queue_wait_seconds',
        help: 'Time that statements waited for a slot of their source (maxStreams), without statements that never got one.',
        labelNames: ['source'],
        buckets: callSeconds,
        registers,
      }),
    )
    this.#quotaRefusals = childrenOf(
      new Counter({
        name: 'flightgate_quota_refusals_total',
        help: 'Requests and statements refused by a quota, by its kind: requests (per minute), statements (at the same time), bytes (per day).',
        labelNames: ['quota'],
        registers,
      }),
    )
  }

  /** Adds the gauges; to be called once the objects that `read` reads exist. */
  readGauges(read: GaugeReaders): void {
    const registers = [this.registry]
    new Gauge({
      name: 'flightgate_ready',
      help: 'Whether the process accepts new work, as /readyz tells: 1 or 0. Of several workers, one that does is enough.',
      registers,
      aggregator: 'max',
      collect() {
        this.set(read.isReady() ? 1 : 0)
      },
    })
    new Gauge({
      name: 'flightgate_build_info',
      help: 'Always 1; its labels tell the version of the gateway and of Node.js.',
      labelNames: ['version', 'node'],
      registers,
      aggregator: 'max',
    }).set({ version: read.version, node: process.versions.node }, 1)
    new Gauge({
      name: 'flightgate_queued_statements',
      help: 'Statements that wait for a slot of their source now; at most limits.maxQueued.',
      labelNames: ['source'],
      registers,
      collect() {
        for (const { source, queued } of read.slots()) this.set({ source }, queued)
      },
    })
    new Gauge({
      name: 'flightgate_slots',
      help: 'Statements of a source that may run at the same time now; fewer than maxStreams while its server is overloaded.',
      labelNames: ['source'],
      registers,
      collect() {
        for (const { source, slots } of read.slots()) this.set({ source }, slots)
      },
    })
    new Gauge({
      name: 'flightgate_source_draining',
      help: 'Whether an operator has closed a source to new statements: 1 or 0.',
      labelNames: ['source'],
      registers,
      aggregator: 'max',
      collect() {
        for (const { source, isDraining } of read.drains()) this.set({ source }, isDraining ? 1 : 0)
      },
    })
    new Gauge({
      name: 'flightgate_source_up',
      help: 'Whether a source answered its last health check (health.intervalMs): 1 or 0; absent before the first check.',
      labelNames: ['source'],
      registers,
      // Of several workers, the one that gets no answer counts.
      aggregator: 'min',
      collect() {
        for (const { source, isUp } of read.sources()) this.set({ source }, isUp ? 1 : 0)
      },
    })
    this.#readGauge('flightgate_calls_in_flight', 'gRPC calls of the Flight port in progress.', () =>
      read.callsInFlight(),
    )
    this.#readGauge('flightgate_http_requests_in_flight', 'Requests of the API of the HTTP port in progress.', () =>
      read.requestsInFlight(),
    )
    this.#readGauge(
      'flightgate_connections',
      'Client connections of the Flight port; at most limits.maxConnections.',
      () => read.connections(),
    )
    this.#readGauge(
      'flightgate_http_connections',
      'Client connections of the HTTP port; at most http.maxConnections.',
      () => read.httpConnections(),
    )
    this.#readGauge('flightgate_transactions_open', 'Transactions that clients have open on this replica.', () =>
      read.transactions(),
    )
    this.#readGauge(
      'flightgate_in_flight_bytes',
      'Result bytes passed to client sockets and not yet taken; above limits.maxInFlightBytes each call sends one message at a time.',
      () => read.inFlightBytes(),
    )
    this.#readGauge(
      'flightgate_request_memory_bytes',
      'Memory held by calls: metadata, request messages, bodies of HTTP requests, and responses other than results that wait for a client; bounded by limits.maxRequestMemoryBytes for each port.',
      () => read.requestMemoryBytes(),
    )
  }

  /** A gRPC call ended. */
  callEnded(method: string, code: string, durationMs: number, span?: ObservedSpan): void {
    this.#calls(method, code).inc()
    this.#callSeconds(method, durationMs / 1000, span)
  }

  /** An HTTP request ended. @param route pattern of the route, one of a fixed set */
  requestEnded(method: string, route: string, status: number, durationMs: number, span?: ObservedSpan): void {
    this.#requests(method, route, String(status)).inc()
    this.#requestSeconds(route, durationMs / 1000, span)
  }

  onRows(source: string, rows: number, bytes: number): void {
    this.#rows(source).inc(rows)
    this.#bytes(source).inc(bytes)
  }

  onPlanFailed(source: string, outcome: string): void {
    this.#statements(source, outcome).inc()
  }

  onStatementStart(source: string): void {
    this.#statementsInFlight(source).inc()
  }

  /** The first rows of a statement are ready. @param durationMs since its start */
  onFirstRows(source: string, durationMs: number): void {
    this.#firstRowsSeconds(source).observe(durationMs / 1000)
  }

  onStatementEnd(
    source: string,
    principal: string,
    outcome: string,
    durationMs: number,
    bytes: number,
    span?: ObservedSpan,
  ): void {
    this.#statementsInFlight(source).dec()
    this.#statements(source, outcome).inc()
    this.#statementSeconds(source, durationMs / 1000, span)
    const label = this.#principals.of(principal)
    this.#statementsOfPrincipals(label).inc()
    this.#bytesOfPrincipals(label).inc(bytes)
  }

  onQueueWait(source: string, queueWaitMs: number): void {
    this.#queueWaitSeconds(source).observe(queueWaitMs / 1000)
  }

  onQuotaRefusal(quota: string): void {
    this.#quotaRefusals(quota).inc()
  }

  #readGauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(value())
      },
    })
  }
}
