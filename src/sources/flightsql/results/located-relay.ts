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

/** How a result whose parts lie at several addresses is fetched. */
export interface LocatedRelayOptions extends RelayOptions {
  readonly locations: LocationPools
  /** Schema of the client's session. */
  readonly schema: string | undefined
}

/**
 * The parts of a result one after another, each from where it lies. The connection that told of them is kept until the last
 * part has begun, or ended if it is fetched there.
 */
export class LocatedRelay implements AsyncIterator<readonly Frame[]> {
  readonly stats: ResultStats = { rows: 0, bytes: 0, affectedRows: -1 }
  #lease: Lease
  readonly #parts: readonly PlacedTickets[]
  readonly #bounds: CallBounds
  readonly #options: LocatedRelayOptions
  /** Ends a part that has not begun to answer. */
  readonly #leave = new AbortController()
  #current: AsyncIterator<readonly Frame[]> | undefined
  #schema: Uint8Array = new Uint8Array(0)
  #next = 0
  #isOver = false
  /** How the connection that told of the parts has fared, as far as it is known. */
  #ownEnd: LeaseEnd | undefined

  private constructor(lease: Lease, parts: readonly PlacedTickets[], bounds: CallBounds, options: LocatedRelayOptions) {
    this.#lease = lease
    this.#parts = parts
    this.#bounds = { ...bounds, signal: AbortSignal.any([bounds.signal, this.#leave.signal]) }
    this.#options = options
  }

  /**
   * Begins with the first part.
   * @param lease of the connection that told of the parts; kept, unless this fails on that connection
   * @throws GrpcFailure of that connection, GatewayError of another, or the signal's reason
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
    if (this.#isOver) return { done: true, value: undefined }
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

  /** Stops: the server of the current part is told, and the connections go back. */
  async return(): Promise<IteratorResult<readonly Frame[]>> {
    if (!this.#isOver) {
      this.#leave.abort(new GatewayError('CANCELLED', 'The reader left before the end.'))
      await this.#current?.return?.()
      this.#end('cancelled')
    }
    return { done: true, value: undefined }
  }

  /** Begins with the next part, and makes it the current one. */
  async #begin(): Promise<Result> {
    const { addresses, tickets } = this.#parts[this.#next++]!
    const { locations, schema, toError, visible, close } = this.#options
    const start = (lease: Lease) => Relay.start(lease, tickets, this.#bounds, { toError, visible })
    const isLast = this.#next === this.#parts.length
    let elsewhere: { readonly value: Result } | undefined
    try {
      elsewhere = await locations.withLease(addresses, schema, this.#bounds.signal, start)
    } catch (error) {
      // The connection that told of the part has no share in it.
      this.#end('done')
      throw toError(error)
    }
    const result = elsewhere?.value ?? (await start(this.#borrowed()))
    this.#current = result.frames[Symbol.asyncIterator]()
    if (elsewhere && isLast && !close && !this.#ownEnd) this.#lease.release('done')
    return result
  }

  /** The own connection for one part of several. */
  #borrowed(): Lease {
    const { connection, transactionId } = this.#lease
    const onEnd = (end: LeaseEnd) => {
      if (end.reason !== 'done') this.#ownEnd = end
    }
    return new Lease(connection, onEnd, transactionId)
  }

  #end(reason: ReleaseReason, error?: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    const own = this.#ownEnd ?? { reason, error }
    endLease(this.#lease, own.reason, own.error, this.#options.close)
  }
}
