import { LRUCache } from 'lru-cache'
import { formatAddress, type UpstreamAddress } from '../../grpc/client/address.ts'
import { GrpcFailure } from '../../grpc/client/failure.ts'
import type { Capabilities } from '../../query/capabilities.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Ingest } from '../../query/ingest.ts'
import type { BreakerMode, EndpointStatus, Source } from '../../query/source.ts'
import type { Context, Health, Logger, Plan, PlannedSql, Query, Result } from '../../query/types.ts'
import { CachedCapabilities } from './cached-capabilities.ts'
import { upstreamCapabilities } from './capabilities.ts'
import { UpstreamCatalog } from './catalog.ts'
import { metadataToClient } from './metadata-forwarding.ts'
import { loggedBreaker } from './pool/breaker-log.ts'
import { Checkout } from './pool/checkout.ts'
import { type Breaker, holdBreakers } from './pool/circuit-breaker.ts'
import { Endpoint, type EndpointObserver } from './pool/endpoint.ts'
import { endpointStatus } from './pool/endpoint-status.ts'
import { Endpoints } from './pool/endpoints.ts'
import { HealthCheck } from './pool/health-check.ts'
import type { Lease } from './pool/lease.ts'
import { type Location, LocationPools, openLocation } from './pool/location-pools.ts'
import { RetryBudget } from './pool/retry-budget.ts'
import { causeOfRetry } from './pool/retry-cause.ts'
import { SessionPools } from './pool/session-pools.ts'
import { UpstreamTransactions } from './pool/transactions.ts'
import type { Connection } from './protocol/connection.ts'
import { type UpstreamEndpoint, UpstreamFlight } from './protocol/flight-sql-client.ts'
import type { Profile } from './protocol/profiles/profile.ts'
import { profileOf } from './protocol/profiles/profile-of.ts'
import { kindsOf } from './results/announced-columns.ts'
import { addressesOf } from './results/locations.ts'
import { noColumns } from './results/no-columns.ts'
import { emptyResult, Results } from './results/results.ts'
import { countedResult } from './results/row-count.ts'
import type { FlightSqlConfig } from './settings.ts'
import { ingestFrames } from './statements/ingest.ts'
import { InlinedStatements } from './statements/inlined-statements.ts'
import { OwnName } from './statements/own-source-name.ts'
import { decodeHandle, encodeHandle, loginOf, withoutTickets } from './statements/plan-handle.ts'
import { PreparedStatements, preparedUpdate } from './statements/prepared-statements.ts'
import { readStatement } from './statements/statement-text.ts'
import { upstreamEstimate } from './statements/upstream-estimate.ts'

/** Dependencies of a source. */
export interface FlightSqlDependencies {
  readonly log: Logger
  readonly observer: EndpointObserver
  /** Of a source with the same addresses and another login, which opens and closes them; by default the source has its own. */
  readonly breakers?: ReadonlyMap<string, Breaker>
}

const none = new Uint8Array(0)
/** Most executions whose tickets are remembered as redeemed; the least recently used is forgotten first. */
const MAX_REDEEMED = 10_000
const anySession = { session: {} }

/** Opens a source in front of a Flight SQL server. It connects in the background and opens even while the server is down. */
export function openFlightSqlSource(
  name: string,
  config: FlightSqlConfig,
  deps: FlightSqlDependencies,
): FlightSqlSource {
  return new FlightSqlSource(name, config, deps)
}

/** A Flight SQL server, or several replicas, behind pooled connections. It relays results as bytes. */
export class FlightSqlSource implements Source {
  readonly name: string
  readonly kind: string
  readonly writes: boolean
  readonly dialect: 'dremio' | 'standard'
  readonly catalog: UpstreamCatalog
  readonly pools: SessionPools
  /** The circuit breakers by address. */
  readonly breakers: ReadonlyMap<string, Breaker>
  readonly transactions?: UpstreamTransactions
  readonly ingest?: (query: Query, ingest: Ingest, ctx: Context) => Promise<number>
  readonly #config: FlightSqlConfig
  readonly #ownName: OwnName
  readonly #profile: Profile
  readonly #ownsBreakers: boolean
  readonly #transactions: UpstreamTransactions
  readonly #checkout: Checkout
  readonly #locations: LocationPools
  readonly #results: Results
  readonly #prepared: PreparedStatements
  readonly #inlined: InlinedStatements
  readonly #retries = new RetryBudget()
  readonly #health: HealthCheck
  readonly #redeemed = new LRUCache<string, true>({ max: MAX_REDEEMED })
  readonly #capabilities = new CachedCapabilities((ctx) =>
    this.#checkout.withLease(anySession, ctx, 'always', (_flight, { connection }) =>
      upstreamCapabilities(connection, this.#checkout.bounds(ctx), this.#profile),
    ),
  )

  constructor(name: string, config: FlightSqlConfig, { log, observer, breakers }: FlightSqlDependencies) {
    this.name = name
    this.kind = config.kind
    this.writes = config.writes
    this.#config = config
    this.#profile = profileOf(config.kind)
    this.dialect = this.#profile.dialect
    const addresses = [config.uri, ...config.addresses]
    this.#ownsBreakers = breakers === undefined
    this.breakers =
      breakers ?? new Map(addresses.map(formatAddress).map((at) => [at, loggedBreaker(name, at, log, observer)]))
    this.pools = new SessionPools((schema) => this.#open(schema, { log, observer }))
    this.#transactions = new UpstreamTransactions({
      source: name,
      endpoints: this.pools.of(undefined),
      max: Math.max(1, Math.floor((config.pool.max * addresses.length) / 2)),
      bounds: (ctx) => this.#checkout.bounds(ctx),
    })
    this.#checkout = new Checkout(name, config, this.#profile, this.pools, this.#transactions)
    this.#health = new HealthCheck(this.#checkout)
    this.#locations = new LocationPools(
      (address, schema) => this.#openLocation(address, schema, { log, observer }),
      log,
    )
    this.#results = new Results(config, this.#checkout, observer, this.#locations)
    this.#prepared = new PreparedStatements(this.#checkout, this.#results)
    this.#inlined = new InlinedStatements(this.#checkout, this.#results)
    if (this.#profile.hasTransactions) this.transactions = this.#transactions
    if (this.#profile.hasIngestion) this.ingest = this.#ingest.bind(this)
    this.catalog = new UpstreamCatalog(name, this.#profile, (schema, ctx, work) =>
      this.#checkout.withLease(
        { session: schema === undefined ? {} : { schema } },
        ctx,
        'always',
        (flight, { connection }) => work(flight, connection, this.#checkout.bounds(ctx)),
      ),
    )
    this.#ownName = new OwnName(this.catalog, name, config.plainCommands === true)
  }

  async plan(asked: Query, ctx: Context): Promise<Plan> {
    const query = await this.#ownName.removeFrom(asked, ctx)
    if (query.rawCommand && this.#config.plainCommands) return await this.#planQuery(query, 'read', ctx)
    const { kind: words, hasParameters, placeholders } = await readStatement(query.sql, ctx)
    if (words === 'session')
      throw new GatewayError(
        'BAD_SQL',
        "Statements cannot change the session, because clients share connections. Choose the schema by session option, qualify names, or set it in the source's configuration; for transactions use the Flight SQL calls.",
      )
    const kind = words === 'read' ? 'read' : 'update'
    const does = { kind, ...(words === 'unknown' && { mayReturnRows: true }) } as const
    const binds = this.#profile.preparesStatements
    const named = binds ? hasParameters : placeholders.length > 0
    const takesParameters = query.parameters !== undefined || named
    if (takesParameters && !binds) return await this.#inlined.plan(query, kind, ctx)
    if (takesParameters)
      return { ...(await this.#prepared.plan(query, words === 'change' ? 'update' : 'read', ctx)), ...does }
    const byCall = kind === 'update' && !this.#profile.updatesByQuery
    // Let the server report errors of an unknown statement: to prepare it does not run it.
    const described = binds && (byCall ? words === 'unknown' : query.describe) && (await this.#describe(query, ctx))
    if (described) return { ...described, ...does }
    if (!byCall) return await this.#planQuery(query, kind, ctx)
    return { query, schema: words === 'unknown' ? none : noColumns, ...does }
  }

  /** Without the server's tickets: each is for one run. */
  reusablePlan(plan: Plan): Plan {
    return plan.handle ? { ...plan, handle: withoutTickets(plan.handle) } : plan
  }

  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    const { handle } = plan
    const isUpdate = plan.kind === 'update'
    const query = await this.#ownName.removeFrom(plan.query, ctx)
    if (isUpdate && !this.writes)
      throw new GatewayError(
        'READ_ONLY',
        `The source ${this.name} is read-only: set sources.${this.name}.writes: true to allow it.`,
      )
    // A statement of unknown kind may return rows: the update call would lose them.
    const byCall = isUpdate && !this.#profile.updatesByQuery
    if (byCall && (await readStatement(query.sql, ctx)).kind === 'change') return await this.#update(query, ctx)
    if (query.parameters)
      return this.#profile.preparesStatements
        ? await this.#prepared.run(query, query.parameters, isUpdate, ctx)
        : await this.#inlined.run(query, query.parameters, isUpdate, ctx)
    const decoded = handle && decodeHandle(handle)
    const isOwn = decoded?.login === loginOf(this.#config)
    const planned = isOwn && decoded && decoded.address !== '' && this.#isFresh(plan) ? decoded : undefined
    // A change has already happened, so that its result must not fail for other columns than announced.
    const announced = isUpdate ? undefined : decoded?.announced
    const repeatable = isUpdate ? 'notProcessed' : 'always'
    const work = async (flight: UpstreamFlight, lease: Lease, { name: address }: Endpoint) => {
      // A ticket is valid only at the address that issued it.
      const { endpoints, schema } =
        planned?.address === address ? { ...planned, schema: none } : await this.#flightInfo(flight, query)
      if (endpoints.length > 0) return await this.#results.relay(lease, endpoints, ctx, { ...query.session, announced })
      const known = schema.byteLength > 0 ? schema : (await this.#flightInfo(flight, query)).schema
      return emptyResult(known.byteLength > 0 ? known : noColumns)
    }
    const result = await this.#checkout.withLease(query, ctx, repeatable, work, planned?.address)
    return isUpdate ? await countedResult(result) : result
  }

  async capabilities(ctx: Context): Promise<Capabilities> {
    return await this.#capabilities.of(ctx)
  }

  async health(ctx: Context): Promise<Health> {
    return await this.#health.check(ctx)
  }

  setBreaker(mode: BreakerMode, address?: string): void {
    holdBreakers(this.breakers, mode, address)
  }

  endpoints(): readonly EndpointStatus[] {
    return endpointStatus(this.pools.all)
  }

  async close(): Promise<void> {
    this.#transactions.close()
    if (this.#ownsBreakers) for (const breaker of this.breakers.values()) breaker.close()
    await Promise.all([this.pools.close(), this.#locations.close()])
  }

  /** Whether the upstream's ticket can still be redeemed. Some servers drop a ticket once it is redeemed. */
  #isFresh({ execution }: PlannedSql): boolean {
    if (execution === undefined || this.#profile.reusableTickets) return true
    if (this.#redeemed.has(execution)) return false
    this.#redeemed.set(execution, true)
    return true
  }

  #configFor(schema: string | undefined): FlightSqlConfig {
    const { session, pool } = this.#config
    return schema === undefined
      ? this.#config
      : { ...this.#config, session: { ...session, schema }, pool: { ...pool, min: 0 } }
  }

  #openLocation(address: UpstreamAddress, schema: string | undefined, deps: FlightSqlDependencies): Location {
    const { log, observer } = deps
    const breaker = loggedBreaker(this.name, formatAddress(address), log, { ...observer, onBreaker: () => {} })
    return openLocation(address, this.#configFor(schema), this.#profile, breaker, observer)
  }

  /** Creates the endpoints for sessions with the schema; undefined means the configured session. */
  #open(schema: string | undefined, { log, observer }: FlightSqlDependencies): Endpoints {
    const { requestTimeoutMs, uri, addresses } = this.#config
    const config = this.#configFor(schema)
    const check = async (connection: Connection, signal: AbortSignal) => {
      const bounds = { signal, deadlineAt: Date.now() + requestTimeoutMs }
      const { endpoints } = await new UpstreamFlight(connection, bounds).query('SELECT 1')
      const here = ({ locations }: UpstreamEndpoint) =>
        !this.#config.followLocations || addressesOf(locations, connection.address).length === 0
      // Fetch the result: a server that plans may still fail to run, and some servers keep unfetched results. Skip parts at other
      // locations, which do not test this address.
      for (const { ticket } of endpoints.filter(here)) await connection.collect('DoGet', [ticket], bounds)
    }
    return new Endpoints(
      [uri, ...addresses].map((address) => {
        const breaker = this.breakers.get(formatAddress(address))!
        const endpoint = new Endpoint(address, config, this.#profile, breaker, observer, check)
        // Sessions of all schemas and logins share the breaker. One of them is enough to probe the address.
        if (schema === undefined && this.#ownsBreakers) breaker.probe = () => endpoint.probe()
        return endpoint
      }),
      this.#retries,
      ({ name: address }, failure, isExpected) => {
        observer.onRetry(address)
        log[isExpected ? 'debug' : 'info']({ event: 'retry', address, ...causeOfRetry(failure) }, 'retrying a call')
      },
    )
  }

  async #flightInfo(flight: UpstreamFlight, { sql, rawCommand }: Query): ReturnType<UpstreamFlight['query']> {
    return rawCommand && this.#config.plainCommands ? await flight.rawInfo(Buffer.from(sql)) : await flight.query(sql)
  }

  async #planQuery(query: Query, kind: PlannedSql['kind'], ctx: Context): Promise<Plan> {
    return await this.#checkout.withLease(query, ctx, 'always', async (flight, lease, { name: address }) => {
      const { endpoints, headers, appMetadata, endpointMetadata, ...info } = await this.#flightInfo(flight, query)
      const metadata = metadataToClient(headers, this.#config.forward)
      const attached = appMetadata.byteLength + endpointMetadata.byteLength > 0
      const estimate = upstreamEstimate({ appMetadata, totalRecords: info.totalRecords }, query.estimate === true)
      const schema =
        query.describe && kind === 'read' && info.schema.byteLength === 0
          ? await this.#schemaOf(flight, lease, query, endpoints, ctx)
          : info.schema
      return {
        kind,
        query,
        schema,
        handle: encodeHandle({ address, endpoints, announced: kindsOf(schema), login: loginOf(this.#config) }),
        ...(metadata && { metadata }),
        ...(attached && { appMetadata: { info: appMetadata, endpoint: endpointMetadata } }),
        ...(estimate && { estimate }),
      }
    })
  }

  /** Prepares a statement that may return rows, for its schema; undefined if the upstream does not return one. */
  async #describe(query: Query, ctx: Context): Promise<Plan | undefined> {
    try {
      const plan = await this.#prepared.plan(query, 'read', ctx)
      return plan.schema.byteLength > 0 ? plan : undefined
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'UPSTREAM_UNIMPLEMENTED') return undefined
      throw error
    }
  }

  /** The schema if GetFlightInfo has none: from GetSchema, else from the start of the result. */
  async #schemaOf(
    flight: UpstreamFlight,
    lease: Lease,
    { sql, session }: Query,
    [first]: readonly UpstreamEndpoint[],
    ctx: Context,
  ): Promise<Uint8Array> {
    try {
      const schema = await flight.schema(sql)
      if (schema.byteLength > 0) return schema
    } catch (error) {
      if (!(error instanceof GrpcFailure) || error.status !== 'UNIMPLEMENTED') throw error
    }
    return first ? await this.#results.schemaOf(lease, first, ctx, session.schema) : none
  }

  async #update(query: Query, ctx: Context): Promise<Result> {
    const affectedRows = await this.#checkout.withLease(query, ctx, 'notProcessed', async (_flight, lease) => {
      const flight = new UpstreamFlight(lease.connection, this.#checkout.streamBounds(ctx), lease.transactionId)
      return query.parameters
        ? await preparedUpdate(flight, query.sql, query.parameters)
        : await flight.update(query.sql)
    })
    return emptyResult(noColumns, affectedRows)
  }

  async #ingest(query: Query, ingest: Ingest, ctx: Context): Promise<number> {
    let begun = false
    return await this.#checkout.withLease(query, ctx, 'notProcessed', async (_flight, lease) => {
      // The client's rows are consumed and cannot be sent to another server.
      if (begun)
        throw new GatewayError('SOURCE_UNAVAILABLE', `The source ${this.name} closed the connection: upload again.`)
      begun = true
      const flight = new UpstreamFlight(lease.connection, this.#checkout.streamBounds(ctx), lease.transactionId)
      return await flight.ingest(ingestFrames(this.#ownName.removeFromIngest(ingest), lease.transactionId))
    })
  }
}
