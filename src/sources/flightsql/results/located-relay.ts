import { readFrame } from '../../../arrow/ipc/flight-data.ts'
import type { Frame } from '../../../arrow/ipc/frame.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Result, ResultStats } from '../../../query/types.ts'
import { endLease, Lease, type LeaseEnd, type ReleaseReason } from '../pool/lease.ts'
import type { LocationPools } from '../pool/location-pools.ts'
import type { CallBounds } from '../protocol/connection.ts'
import type { PlacedTickets } from './locations.ts'
import { Relay, type RelayOptions } from './relay.ts'
import { checkSameTypes } from './same-types.ts'

/** Options for a result whose parts lie at several addresses. */
export interface LocatedRelayOptions extends RelayOptions {
  readonly locations: LocationPools
  /** Schema of the client's session. */
  readonly schema: string | undefined
}

/**
 * Relays the parts of a result in order, each from its own location. It keeps the lease of the connection that returned the
 * FlightInfo until the last part has begun, or has ended if it is fetched on that connection.
 */
export class LocatedRelay implements AsyncIterator<readonly Frame[]> {
  readonly stats: ResultStats = { rows: 0, bytes: 0, affectedRows: -1 }
  #lease: Lease
  readonly #parts: readonly PlacedTickets[]
  readonly #bounds: CallBounds
  readonly #options: LocatedRelayOptions
  /** Cancels a part whose response has not begun. */
  readonly #cancel = new AbortController()
  #current: AsyncIterator<readonly Frame[]> | undefined
  #schema: Uint8Array = new Uint8Array(0)
  #next = 0
  #isDone = false
  /** How the own connection failed or was cancelled, if it was. */
  #ownEnd: LeaseEnd | undefined

  private constructor(lease: Lease, parts: readonly PlacedTickets[], bounds: CallBounds, options: LocatedRelayOptions) {
    this.#lease = lease
    this.#parts = parts
    this.#bounds = { ...bounds, signal: AbortSignal.any([bounds.signal, this.#cancel.signal]) }
    this.#options = options
  }

  /**
   * Starts the first part.
   * @param lease of the connection that returned the FlightInfo; kept, unless the first part fails on that connection
   * @throws GrpcFailure of that connection, GatewayError of another one, or the signal's reason
   */
  static async start(
    lease: Lease,
    parts: readonly PlacedTickets[],
    bounds: CallBounds,
    options: LocatedRelayOptions,
  ): Promise<Result> {
    const relay = new LocatedRelay(lease, parts, bounds, options)
    const { schema, metadata } = await relay.#begin()
    relay.#lease = lease.keep()
    relay.#schema = readFrame(schema).header
    return {
      schema,
      frames: { [Symbol.asyncIterator]: () => relay },
      stats: relay.stats,
      ...(metadata && { metadata }),
    }
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    if (this.#isDone) return { done: true, value: undefined }
    try {
      for (;;) {
        const { done, value } = await this.#current!.next()
        if (!done) {
          for (const { rows, byteLength } of value) {
            this.stats.rows += Math.max(0, rows)
            this.stats.bytes += byteLength
          }
          return { done: false, value }
        }
        if (this.#next === this.#parts.length) break
        const { schema } = await this.#begin()
        checkSameTypes(this.#schema, readFrame(schema).header)
      }
    } catch (error) {
      await this.#current?.return?.()
      const isOwn = error instanceof GrpcFailure && error.origin === 'local'
      this.#end(this.#bounds.signal.aborted ? 'cancelled' : isOwn ? 'failed' : 'done', error)
      throw this.#options.toError(error)
    }
    this.#end('done')
    return { done: true, value: undefined }
  }

  /** Cancels the call of the current part and releases the connections. */
  async return(): Promise<IteratorResult<readonly Frame[]>> {
    if (!this.#isDone) {
      this.#cancel.abort(new GatewayError('CANCELLED', 'The reader left before the end.'))
      await this.#current?.return?.()
      this.#end('cancelled')
    }
    return { done: true, value: undefined }
  }

  /** Starts the next part and makes it the current one. */
  async #begin(): Promise<Result> {
    const { addresses, tickets } = this.#parts[this.#next++]!
    const { locations, schema, toError, visible, close } = this.#options
    const start = (lease: Lease) => Relay.start(lease, tickets, this.#bounds, { toError, visible })
    const isLast = this.#next === this.#parts.length
    let atLocation: { readonly value: Result } | undefined
    try {
      atLocation = await locations.withLease(addresses, schema, this.#bounds.signal, start)
    } catch (error) {
      // The own connection had no part in this failure.
      this.#end('done')
      throw toError(error)
    }
    const result = atLocation?.value ?? (await start(this.#borrowOwn()))
    this.#current = result.frames[Symbol.asyncIterator]()
    if (atLocation && isLast && !close && !this.#ownEnd) this.#lease.release('done')
    return result
  }

  /** A lease of the own connection for one part. Its end does not release the connection. */
  #borrowOwn(): Lease {
    const { connection, transactionId } = this.#lease
    const onEnd = (end: LeaseEnd) => {
      if (end.reason !== 'done') this.#ownEnd = end
    }
    return new Lease(connection, onEnd, transactionId)
  }

  #end(reason: ReleaseReason, error?: unknown): void {
    if (this.#isDone) return
    this.#isDone = true
    const own = this.#ownEnd ?? { reason, error }
    endLease(this.#lease, own.reason, own.error, this.#options.close)
  }
}
