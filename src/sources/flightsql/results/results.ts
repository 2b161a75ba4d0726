import { readFrame } from '../../../arrow/ipc/flight-data.ts'
import { frameOf } from '../../../arrow/ipc/frame.ts'
import type { Context, Result } from '../../../query/types.ts'
import { metadataToClient } from '../metadata-forwarding.ts'
import type { Checkout } from '../pool/checkout.ts'
import type { EndpointObserver } from '../pool/endpoint.ts'
import type { Lease } from '../pool/lease.ts'
import type { LocationPools } from '../pool/location-pools.ts'
import type { UpstreamEndpoint } from '../protocol/flight-sql-client.ts'
import type { FlightSqlConfig } from '../settings.ts'
import { checkAnnounced } from './announced-columns.ts'
import { LocatedRelay } from './located-relay.ts'
import { placeTickets } from './locations.ts'
import { Relay, schemaOfTicket } from './relay.ts'
import { SpillBuffer } from './spill-buffer.ts'

/** What a relay must know of a result beside its endpoints. */
export interface ResultOptions {
  /** Schema of the client's session. */
  readonly schema?: string | undefined
  /** The kinds of columns that clients were told; see `kindsOf`. */
  readonly announced?: string | undefined
  /** Runs on the connection before its release. */
  close?(): Promise<void>
}

/** Turns endpoints of a FlightInfo into results of the source. */
export class Results {
  readonly #config: FlightSqlConfig
  readonly #checkout: Checkout
  readonly #observer: EndpointObserver
  readonly #locations: LocationPools

  constructor(config: FlightSqlConfig, checkout: Checkout, observer: EndpointObserver, locations: LocationPools) {
    this.#config = config
    this.#checkout = checkout
    this.#observer = observer
    this.#locations = locations
  }

  /**
   * Relays all endpoints as one result, on the lease, which the result keeps, or from the addresses that the endpoints name.
   * @throws GrpcFailure of the lease's connection, GatewayError of another one, or the signal's reason
   */
  async relay(
    lease: Lease,
    endpoints: readonly UpstreamEndpoint[],
    ctx: Context,
    { schema, announced, close }: ResultOptions = {},
  ): Promise<Result> {
    const { slowReader, forward, followLocations } = this.#config
    const bounds = this.#checkout.streamBounds(ctx)
    const options = {
      toError: (error: unknown) => this.#checkout.toStreamError(error, ctx),
      visible: (headers: Parameters<typeof metadataToClient>[0]) => metadataToClient(headers, forward),
      ...(close && { close }),
    }
    const followed = followLocations ? endpoints : endpoints.map(({ ticket }) => ({ ticket, locations: [] }))
    const parts = placeTickets(followed, lease.connection.address)
    const isHere = parts.length === 1 && parts[0]!.addresses.length === 0
    const result = isHere
      ? await Relay.start(lease, parts[0]!.tickets, bounds, options)
      : await LocatedRelay.start(lease, parts, bounds, { ...options, locations: this.#locations, schema })
    if (announced !== undefined) await checkColumns(result, announced, options.toError)
    const buffer = new SpillBuffer(result.frames[Symbol.asyncIterator](), slowReader, (memory, spill) =>
      this.#observer.onBuffered(memory, spill),
    )
    return { ...result, frames: { [Symbol.asyncIterator]: () => buffer } }
  }

  /**
   * Starts to fetch an endpoint only for the schema of its result, a bare flatbuffer `Message`.
   * @throws as `relay`
   */
  async schemaOf(
    { connection }: Lease,
    endpoint: UpstreamEndpoint,
    ctx: Context,
    schema: string | undefined,
  ): Promise<Uint8Array> {
    const bounds = this.#checkout.bounds(ctx)
    const locations = this.#config.followLocations ? endpoint.locations : []
    const [part] = placeTickets([{ ...endpoint, locations }], connection.address)
    try {
      const atLocation = await this.#locations.withLease(part!.addresses, schema, ctx.signal, async (lease) => {
        return await schemaOfTicket(lease.connection, endpoint.ticket, bounds)
      })
      if (atLocation) return atLocation.value
    } catch (error) {
      throw this.#checkout.toError(error)
    }
    return await schemaOfTicket(connection, endpoint.ticket, bounds)
  }
}

/** Cancels a result whose columns differ from the announced ones. @throws GatewayError UPSTREAM_DATA */
async function checkColumns(result: Result, announced: string, toError: (error: unknown) => unknown): Promise<void> {
  try {
    checkAnnounced(announced, readFrame(result.schema).header)
  } catch (error) {
    await result.frames[Symbol.asyncIterator]().return?.()
    throw toError(error)
  }
}

/** Creates a result without rows. @param schema bare flatbuffer `Message` */
export function emptyResult(schema: Uint8Array, affectedRows = -1): Result {
  return {
    schema: frameOf(schema, new Uint8Array(0), 0),
    frames: (async function* () {})(),
    stats: { rows: 0, bytes: 0, affectedRows },
  }
}
