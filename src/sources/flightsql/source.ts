import { frameOf } from '../../arrow/frame.ts'
import { encodeSchema } from '../../arrow/schema.ts'
import type { Catalog } from '../../query/catalog.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Source } from '../../query/source.ts'
import type { Context, Health, Logger, Plan, Query, Result, Runnable } from '../../query/types.ts'
import { UpstreamCatalog } from './catalog.ts'
import type { FlightSqlConfig } from './config.ts'
import type { CallBounds, Connection } from './connection.ts'
import { countedResult } from './counted-result.ts'
import { Cushion } from './cushion.ts'
import { upstreamError } from './errors.ts'
import { UpstreamFlight } from './flight.ts'
import { placeholders, withLiterals, withNulls } from './literals.ts'
import type { Lease } from './pool.ts'
import { dremioProfile } from './profiles/dremio.ts'
import type { Profile } from './profiles/profile.ts'
import { standardProfile } from './profiles/standard.ts'
import { Relay } from './relay.ts'
import { hasParameters, statementKind } from './statement-kind.ts'
import { Upstream, type UpstreamObserver } from './upstream.ts'
import { decodeHandle, encodeHandle } from './upstream-handle.ts'
import { Upstreams } from './upstreams.ts'

/** What a source needs from outside. */
export interface FlightSqlDependencies {
  readonly log: Logger
  readonly observer: UpstreamObserver
}

const none = new Uint8Array(0)
const noColumns = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })

/** Opens a source in front of a Flight SQL server; it connects in the background, and whether or not that works. */
export function openFlightSqlSource(
  name: string,
  config: FlightSqlConfig,
  deps: FlightSqlDependencies,
): FlightSqlSource {
  return new FlightSqlSource(name, config, deps)
}

/** A Flight SQL server, or several with the same data, behind pooled connections; results go through as bytes. */
export class FlightSqlSource implements Source {
  readonly name: string
  readonly kind: string
  readonly writes: boolean
  readonly catalog: Catalog
  readonly upstreams: Upstreams
  readonly #config: FlightSqlConfig
  readonly #observer: UpstreamObserver
  readonly #profile: Profile

  constructor(name: string, config: FlightSqlConfig, { log, observer }: FlightSqlDependencies) {
    this.name = name
    this.kind = config.kind
    this.writes = config.writes
    this.#config = config
    this.#observer = observer
    this.#profile = config.kind === 'dremio' ? dremioProfile : standardProfile
    const check = async (connection: Connection, signal: AbortSignal) => {
      await new UpstreamFlight(connection, { signal, deadlineAt: Date.now() + config.requestTimeoutMs }).query(
        'SELECT 1',
      )
    }
    this.upstreams = new Upstreams(
      [config.uri, ...config.addresses].map(
        (address) => new Upstream(name, address, config, this.#profile, observer, log, check),
      ),
    )
    this.catalog = new UpstreamCatalog(name, this.#profile, (ctx, work) =>
      this.#lend(ctx, (flight, lease, bounds) => work(flight, lease.connection, bounds)),
    )
  }

  async plan(query: Query, ctx: Context): Promise<Plan> {
    this.#refuse(query)
    const isUpdate = statementKind(query.sql) === 'change'
    if (hasParameters(query.sql))
      return this.#profile.preparesStatements
        ? await this.#planPrepared(query, isUpdate, ctx)
        : await this.#planLiterals(query, isUpdate, ctx)
    if (isUpdate && !this.#profile.updatesByQuery) return { query, isUpdate, schema: noColumns }
    return await this.#lend(ctx, async (flight, _lease, _bounds, upstream) => {
      const { schema, tickets } = await flight.query(query.sql)
      return { query, isUpdate, schema, handle: encodeHandle({ address: upstream.name, tickets }) }
    })
  }

  async run(plan: Runnable, ctx: Context): Promise<Result> {
    const { query, isUpdate, handle } = plan
    if (isUpdate && !this.writes)
      throw new GatewayError(
        'READ_ONLY',
        `The source ${this.name} is read-only: set sources.${this.name}.writes: true to allow it.`,
      )
    if (isUpdate && !this.#profile.updatesByQuery) return await this.#update(query, ctx)
    if (query.parameters)
      return this.#profile.preparesStatements
        ? await this.#runPrepared(query, query.parameters, ctx)
        : await this.#runLiterals(query, query.parameters, isUpdate, ctx)
    const planned = handle && decodeHandle(handle)
    const bounds: CallBounds = { signal: ctx.signal, deadlineAt: ctx.deadlineAt }
    try {
      const repeatable = isUpdate ? 'untouched' : 'always'
      return await this.upstreams.lend(
        ctx.signal,
        repeatable,
        async (lease, upstream) => {
          const flight = new UpstreamFlight(lease.connection, this.#bounds(ctx))
          // A ticket is good where it was made.
          const { tickets } = planned?.address === upstream.name ? planned : await flight.query(query.sql)
          if (tickets.length === 0) return await this.#empty(lease, flight, query.sql)
          const result = await this.#relay(lease, tickets, bounds)
          return isUpdate ? await countedResult(result) : result
        },
        planned?.address,
      )
    } catch (error) {
      throw upstreamError(error, this.name)
    }
  }

  async health(ctx: Context): Promise<Health> {
    try {
      await this.#lend(ctx, (flight) => flight.query('SELECT 1'))
      return { ok: true, detail: 'The server answers.' }
    } catch (error) {
      return { ok: false, detail: GatewayError.from(error).message }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.upstreams.all.map((upstream) => upstream.close()))
  }

  /** What cannot be done on connections that are shared. */
  #refuse({ sql, session, transaction }: Query): void {
    if (statementKind(sql) === 'session')
      throw new GatewayError(
        'BAD_SQL',
        'Statements that change the session do not work here, since connections are shared: qualify names, or set it in the source’s configuration.',
      )
    if (session.schema !== undefined)
      throw new GatewayError(
        'BAD_REQUEST',
        `The source ${this.name} takes no schema from the session: qualify the names.`,
      )
    if (transaction !== undefined)
      throw new GatewayError('UNIMPLEMENTED', `The source ${this.name} has no transactions here.`)
  }

  /** Where nothing can be bound: the first row of parameters, or NULLs, tell the schema. */
  async #planLiterals(query: Query, isUpdate: boolean, ctx: Context): Promise<Plan> {
    const [first] = query.parameters ? withLiterals(query.sql, query.parameters) : []
    const sql = first ?? withNulls(query.sql)
    const { schema } = await this.#lend(ctx, (flight) => flight.query(sql))
    const parameterSchema = encodeSchema({
      name: '',
      format: '+s',
      nullable: false,
      metadata: [],
      children: placeholders(query.sql).map((_, i) => ({
        name: String(i + 1),
        format: 'u',
        nullable: true,
        metadata: [],
        children: [],
      })),
    })
    return { query, isUpdate, schema, parameterSchema }
  }

  /** Runs the statement once for each row of parameters, written into it, one after another. */
  async #runLiterals(query: Query, parameters: Uint8Array, isUpdate: boolean, ctx: Context): Promise<Result> {
    const statements = withLiterals(query.sql, parameters)
    const bounds: CallBounds = { signal: ctx.signal, deadlineAt: ctx.deadlineAt }
    try {
      return await this.upstreams.lend(ctx.signal, isUpdate ? 'untouched' : 'always', async (lease) => {
        const flight = new UpstreamFlight(lease.connection, this.#bounds(ctx))
        const tickets: Uint8Array[] = []
        for (const sql of statements) tickets.push(...(await flight.query(sql)).tickets)
        return tickets.length > 0
          ? await this.#relay(lease, tickets, bounds)
          : await this.#empty(lease, flight, statements[0] ?? withNulls(query.sql))
      })
    } catch (error) {
      throw upstreamError(error, this.name)
    }
  }

  async #planPrepared(query: Query, isUpdate: boolean, ctx: Context): Promise<Plan> {
    return await this.#lend(ctx, async (flight) => {
      const { handle, schema, parameterSchema } = await flight.prepare(query.sql)
      await flight.closePrepared(handle)
      return {
        query,
        isUpdate,
        schema: isUpdate ? noColumns : schema,
        ...(parameterSchema.byteLength > 0 && { parameterSchema }),
      }
    })
  }

  async #runPrepared(query: Query, parameters: Uint8Array, ctx: Context): Promise<Result> {
    const bounds: CallBounds = { signal: ctx.signal, deadlineAt: ctx.deadlineAt }
    try {
      return await this.upstreams.lend(ctx.signal, 'always', async (lease) => {
        const flight = new UpstreamFlight(lease.connection, this.#bounds(ctx))
        let { handle } = await flight.prepare(query.sql)
        try {
          handle = await flight.bind(handle, parameters)
          const { tickets } = await flight.preparedInfo(handle)
          return await this.#relay(lease, tickets, bounds, () => flight.closePrepared(handle))
        } catch (error) {
          await flight.closePrepared(handle).catch(() => {})
          throw error
        }
      })
    } catch (error) {
      throw upstreamError(error, this.name)
    }
  }

  async #update(query: Query, ctx: Context): Promise<Result> {
    try {
      const affectedRows = await this.upstreams.lend(ctx.signal, 'untouched', async (lease) => {
        const flight = new UpstreamFlight(lease.connection, { signal: ctx.signal, deadlineAt: ctx.deadlineAt })
        const changed = query.parameters
          ? await preparedUpdate(flight, query.sql, query.parameters)
          : await flight.update(query.sql)
        lease.release('done')
        return changed
      })
      return { ...emptyResult(noColumns), stats: { rows: 0, bytes: 0, affectedRows } }
    } catch (error) {
      throw upstreamError(error, this.name)
    }
  }

  async #relay(
    lease: Lease,
    tickets: readonly Uint8Array[],
    bounds: CallBounds,
    onEnd?: () => Promise<void>,
  ): Promise<Result> {
    const result = await Relay.start(lease, tickets, bounds, (error) => upstreamError(error, this.name), onEnd)
    const cushion = new Cushion(result.frames[Symbol.asyncIterator](), this.#config.slowReader, (memory, spill) =>
      this.#observer.onCushion(memory, spill),
    )
    return { ...result, frames: { [Symbol.asyncIterator]: () => cushion } }
  }

  /** The result of a FlightInfo without endpoints: its schema, no rows. */
  async #empty(lease: Lease, flight: UpstreamFlight, sql: string): Promise<Result> {
    const { schema } = await flight.query(sql)
    lease.release('done')
    return emptyResult(schema.byteLength > 0 ? schema : noColumns)
  }

  /** Work whose connection goes back when it is done; safe to repeat. */
  async #lend<T>(
    ctx: Context,
    work: (flight: UpstreamFlight, lease: Lease, bounds: CallBounds, upstream: Upstream) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.upstreams.lend(ctx.signal, 'always', async (lease, upstream) => {
        const bounds = this.#bounds(ctx)
        const result = await work(new UpstreamFlight(lease.connection, bounds), lease, bounds, upstream)
        lease.release('done')
        return result
      })
    } catch (error) {
      throw upstreamError(error, this.name)
    }
  }

  #bounds({ signal, deadlineAt }: Context): CallBounds {
    return { signal, deadlineAt: Math.min(deadlineAt, Date.now() + this.#config.requestTimeoutMs) }
  }
}

async function preparedUpdate(flight: UpstreamFlight, sql: string, parameters: Uint8Array): Promise<number> {
  const { handle } = await flight.prepare(sql)
  try {
    return await flight.preparedUpdate(handle, parameters)
  } finally {
    await flight.closePrepared(handle).catch(() => {})
  }
}

function emptyResult(schema: Uint8Array): Result {
  return {
    schema: frameOf(schema, none, 0),
    frames: (async function* () {})(),
    stats: { rows: 0, bytes: 0, affectedRows: -1 },
  }
}
