import type { Catalog } from '../../../query/catalog.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { BreakerMode, EndpointStatus, Source } from '../../../query/source.ts'
import type { Context, Health, Plan, PlannedSql, Principal, Query, Result } from '../../../query/types.ts'
import type { Endpoint } from '../pool/endpoint.ts'
import { endpointStatus } from '../pool/endpoint-status.ts'
import { RefusedLogin } from '../protocol/refused-login.ts'
import type { FlightSqlSource } from '../source.ts'
import type { IdentitySettings } from './identity-settings.ts'
import { type StandIn, standInOf } from './stand-ins.ts'

/** How long the gateway does not try a login again that the server has refused, in milliseconds: servers lock users out. */
const REFUSED_MS = 5000

interface OpenLogin {
  readonly source: FlightSqlSource
  /** The last refusal, and until when it stands, in Unix milliseconds. */
  refusal?: { readonly message: string; readonly until: number }
}

/**
 * Dremio with a login for each caller or group, so that Dremio's own permissions hold. Each login has connections, sessions, catalogs
 * and caches of its own, without a minimum of open connections; they share the circuit breakers of the addresses. What belongs to no
 * caller (health, capabilities) uses the login of the source.
 */
export class ImpersonatingSource implements Source {
  readonly name: string
  readonly kind: string
  readonly dialect: FlightSqlSource['dialect']
  readonly writes: boolean
  readonly catalog: Catalog
  readonly #own: OpenLogin
  readonly #identity: IdentitySettings
  readonly #openAs: (standIn: StandIn) => FlightSqlSource
  /** By the callers for whom they stand; at most as many as the settings name. */
  readonly #logins = new Map<string, OpenLogin>()
  #isClosed = false

  /** @param openAs opens the source with a login of the settings; it must share the breakers of `own` */
  constructor(own: FlightSqlSource, identity: IdentitySettings, openAs: (standIn: StandIn) => FlightSqlSource) {
    this.name = own.name
    this.kind = own.kind
    this.dialect = own.dialect
    this.writes = own.writes
    this.#own = { source: own }
    this.#identity = identity
    this.#openAs = openAs
    this.catalog = this.#catalog(own.catalog)
  }

  /** The endpoints of all logins: an address has one for each login and each schema. */
  get endpointsOfLogins(): readonly Endpoint[] {
    return [this.#own, ...this.#logins.values()].flatMap(({ source }) => source.pools.all)
  }

  async plan(query: Query, ctx: Context): Promise<Plan> {
    return await this.#as(ctx, (source) => source.plan(query, ctx))
  }

  reusablePlan(plan: Plan): Plan {
    return this.#own.source.reusablePlan(plan)
  }

  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    return await this.#as(ctx, (source) => source.run(plan, ctx))
  }

  capabilities: FlightSqlSource['capabilities'] = (ctx) => this.#own.source.capabilities(ctx)

  async health(ctx: Context): Promise<Health> {
    return await this.#own.source.health(ctx)
  }

  endpoints(): readonly EndpointStatus[] {
    return endpointStatus(this.endpointsOfLogins)
  }

  setBreaker(mode: BreakerMode, address?: string): void {
    this.#own.source.setBreaker(mode, address)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#logins.values()].map(({ source }) => source.close()))
    await this.#own.source.close()
  }

  /**
   * Does work with the login that stands for the caller.
   * @throws GatewayError FORBIDDEN if there is none, UPSTREAM_FORBIDDEN if the server refuses it
   */
  async #as<T>({ principal }: Context, work: (source: FlightSqlSource) => Promise<T>): Promise<T> {
    const login = this.#loginOf(principal)
    const { refusal } = login
    if (refusal && refusal.until > Date.now()) throw new GatewayError('UPSTREAM_FORBIDDEN', refusal.message)
    try {
      return await work(login.source)
    } catch (error) {
      if (error instanceof GatewayError && error.cause instanceof RefusedLogin)
        login.refusal = { message: error.message, until: Date.now() + REFUSED_MS }
      throw error
    }
  }

  #loginOf(principal: Principal): OpenLogin {
    const standIn = standInOf(this.#identity, principal)
    if (!standIn) {
      if (this.#identity.others === 'own') return this.#own
      const at = `sources.${this.name}.identity`
      throw new GatewayError(
        'FORBIDDEN',
        `No login stands for ${principal.name} at the source ${this.name}: ${at}.principals or ${at}.groups must have one.`,
      )
    }
    let login = this.#logins.get(standIn.standsFor)
    if (!login) {
      if (this.#isClosed) throw new GatewayError('SOURCE_UNAVAILABLE', `The source ${this.name} is closed: try again.`)
      login = { source: this.#openAs(standIn) }
      this.#logins.set(standIn.standsFor, login)
    }
    return login
  }

  #catalog(own: FlightSqlSource['catalog']): Catalog {
    const { current, hasPaths } = own
    return {
      ...(current && { current }),
      hasPaths,
      // The name of the source: Dremio has no catalogs.
      catalogs: (ctx) => own.catalogs(ctx),
      hasSchema: (schema, ctx) => this.#as(ctx, ({ catalog }) => catalog.hasSchema(schema, ctx)),
      schemas: (pattern, ctx) => this.#as(ctx, ({ catalog }) => catalog.schemas(pattern, ctx)),
      tables: (filter, ctx) => this.#as(ctx, ({ catalog }) => catalog.tables(filter, ctx)),
      tableSchema: (table, ctx) => this.#as(ctx, ({ catalog }) => catalog.tableSchema(table, ctx)),
      tableTypes: (ctx) => this.#as(ctx, ({ catalog }) => catalog.tableTypes(ctx)),
      xdbcTypes: (ctx) => this.#as(ctx, ({ catalog }) => catalog.xdbcTypes(ctx)),
      primaryKeys: (table, ctx) => this.#as(ctx, ({ catalog }) => catalog.primaryKeys(table, ctx)),
      foreignKeys: (primary, foreign, ctx) =>
        this.#as(ctx, ({ catalog }) => catalog.foreignKeys(primary, foreign, ctx)),
    }
  }
}
