import { entryOfCaller } from '../../config/setting/caller-entry.ts'
import type { Catalog, TableEntry, TableFilter } from '../../query/catalog.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Source } from '../../query/source.ts'
import type { Context, Plan, PlannedSql, Query, Result } from '../../query/types.ts'
import type { BigQuerySettings } from './settings.ts'

/** Which service account stands for which caller. */
export type IdentitySettings = NonNullable<BigQuerySettings['identity']>

/** A source with a login of its own. */
type Login = Source & Required<Pick<Source, 'capabilities' | 'cost' | 'reusablePlan'>>

/**
 * BigQuery with a service account for each caller or group, so that BigQuery's own permissions hold. Each account has a client,
 * connections, catalogs and caches of its own. What belongs to no caller (health, bills, the list of projects) uses the login of the
 * gateway.
 */
export class ImpersonatingSource implements Source {
  readonly name: string
  readonly kind = 'bigquery'
  readonly dialect = 'bigquery'
  readonly tellsTables = true
  readonly writes: boolean
  readonly cost: Login['cost']
  readonly catalog: Catalog
  readonly #own: Login
  readonly #identity: IdentitySettings
  readonly #openAs: (account: string) => Login
  /** By service account; at most as many as the settings name. */
  readonly #logins = new Map<string, Login>()

  /** @param openAs opens the source with the login of a service account */
  constructor(own: Login, identity: IdentitySettings, openAs: (account: string) => Login) {
    this.name = own.name
    this.writes = own.writes
    this.cost = own.cost
    this.#own = own
    this.#identity = identity
    this.#openAs = openAs
    this.catalog = this.#catalog()
  }

  async plan(query: Query, ctx: Context): Promise<Plan> {
    return await this.#of(ctx).plan(query, ctx)
  }

  reusablePlan(plan: Plan): Plan {
    return this.#own.reusablePlan(plan)
  }

  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    return await this.#of(ctx).run(plan, ctx)
  }

  capabilities: Login['capabilities'] = (ctx) => this.#own.capabilities(ctx)

  health: Source['health'] = (ctx) => this.#own.health(ctx)

  async close(): Promise<void> {
    await Promise.all([this.#own, ...this.#logins.values()].map((login) => login.close()))
  }

  /** The source with the login that stands for the caller. @throws GatewayError FORBIDDEN */
  #of({ principal }: Pick<Context, 'principal'>): Login {
    const account = entryOfCaller(this.#identity, principal)?.value
    if (account === undefined) {
      if (this.#identity.others === 'own') return this.#own
      const at = `sources.${this.name}.identity`
      throw new GatewayError(
        'FORBIDDEN',
        `No service account stands for ${principal.name} at the source ${this.name}: ${at}.principals or ${at}.groups must name one.`,
      )
    }
    let login = this.#logins.get(account)
    if (!login) {
      login = this.#openAs(account)
      this.#logins.set(account, login)
    }
    return login
  }

  #catalog(): Catalog {
    const own = this.#own.catalog
    const of = (ctx: Context) => this.#of(ctx).catalog
    return {
      ...(own.current && { current: own.current }),
      // The settings name them.
      catalogs: (ctx) => own.catalogs(ctx),
      tableTypes: (ctx) => own.tableTypes(ctx),
      ...(own.xdbcTypes && { xdbcTypes: (ctx: Context) => own.xdbcTypes!(ctx) }),
      hasSchema: async (schema, ctx, catalog) => (await of(ctx).hasSchema?.(schema, ctx, catalog)) ?? false,
      schemas: async (pattern, ctx, catalog) => await of(ctx).schemas(pattern, ctx, catalog),
      tables: async (filter, ctx) => await of(ctx).tables(filter, ctx),
      ...(own.tablesWithSchemas && {
        tablesWithSchemas: (filter: TableFilter, ctx: Context) => of(ctx).tablesWithSchemas!(filter, ctx),
      }),
      tableSchema: async (table: TableEntry, ctx: Context) => await of(ctx).tableSchema(table, ctx),
      primaryKeys: async (table, ctx) => await of(ctx).primaryKeys(table, ctx),
      foreignKeys: async (primary, foreign, ctx) => await of(ctx).foreignKeys(primary, foreign, ctx),
    }
  }
}
