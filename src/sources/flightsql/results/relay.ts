import type { Frame } from '../../../arrow/ipc/frame.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { joined } from '../../../grpc/client/message-reader.ts'
import type { HeaderFields } from '../../../http2/index.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { CallMetadata, Result, ResultStats } from '../../../query/types.ts'
import { endLease, type Lease, type ReleaseReason } from '../pool/lease.ts'
import type { CallBounds, Connection, StartedCall } from '../protocol/connection.ts'
import { frameOfMessage, type ResultStart, readResultStart } from './result-messages.ts'
import { checkSameTypes } from './same-types.ts'

/**
 * Redeems a ticket only for the schema of its result, a bare flatbuffer `Message`, and then cancels the call.
 * @throws GrpcFailure, or the signal's reason
 */
export async function schemaOfTicket(
  connection: Connection,
  ticket: Uint8Array,
  bounds: CallBounds,
): Promise<Uint8Array> {
  const { first, call } = await connection.start('DoGet', [ticket], bounds)
  try {
    if (first.done) return new Uint8Array(0)
    // Copy: the view may point into a receive buffer that is reused.
    return Uint8Array.from((await readResultStart(first, call)).schema)
  } finally {
    await call.return()
  }
}

/** What a relay needs from its source. */
export interface RelayOptions {
  toError(thrown: unknown): unknown
  /** Selects the upstream's metadata that the client may see. */
  visible(headers: HeaderFields): CallMetadata | undefined
  /** Runs on the connection before its release, even after the reader has left; the reader does not wait for it. */
  close?(): Promise<void>
}

/**
 * Relays the results of several tickets in order, as one stream on one lease. Frames pass through unchanged. The relay drops
 * the schemas after the first, and application metadata that comes before a schema. It releases the lease at the end, with
 * `failed` if the stream broke.
 */
export class Relay implements AsyncIterator<readonly Frame[]> {
  readonly stats: ResultStats = { rows: 0, bytes: 0, affectedRows: -1 }
  readonly #lease: Lease
  readonly #tickets: readonly Uint8Array[]
  readonly #bounds: CallBounds
  readonly #options: RelayOptions
  /** Cancels a call whose response has not begun. When a reader leaves, only a result in parts can have such a call. */
  readonly #cancel: AbortController | undefined
  /** Schema of the first part; empty when there is only one part. */
  readonly #schema: Uint8Array
  #started: StartedCall
  #next = 1
  #isDone = false

  private constructor(
    lease: Lease,
    tickets: readonly Uint8Array[],
    started: StartedCall,
    { schema }: ResultStart,
    bounds: CallBounds,
    options: RelayOptions,
  ) {
    this.#lease = lease
    this.#tickets = tickets
    this.#started = started
    this.#schema = Uint8Array.from(tickets.length > 1 ? schema : [])
    this.#options = options
    this.#cancel = tickets.length > 1 ? new AbortController() : undefined
    this.#bounds = this.#cancel ? { ...bounds, signal: AbortSignal.any([bounds.signal, this.#cancel.signal]) } : bounds
  }

  /**
   * Redeems the first ticket, waits for its schema and keeps the lease. On failure the caller still owns the lease.
   * @param tickets encoded as DoGet takes them, at least one
   * @throws GrpcFailure, or the signal's reason
   */
  static async start(
    lease: Lease,
    tickets: readonly Uint8Array[],
    bounds: CallBounds,
    options: RelayOptions,
  ): Promise<Result> {
    const started = await lease.connection.start('DoGet', [tickets[0]!], bounds)
    const { first, call } = started
    try {
      const start = await readResultStart(first, call)
      const metadata = options.visible(call.headers)
      const relay = new Relay(lease.keep(), tickets, started, start, bounds, options)
      // A copy: splitting of batches needs the schema for the whole stream.
      const schema = joined(start.message)
      return {
        schema: { chunks: [schema], byteLength: schema.byteLength, rows: 0 },
        frames: { [Symbol.asyncIterator]: () => relay },
        stats: relay.stats,
        ...(metadata && { metadata }),
      }
    } catch (error) {
      await call.return()
      throw error
    }
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    if (this.#isDone) return { done: true, value: undefined }
    try {
      for (;;) {
        const { done, value } = await this.#started.call.next()
        if (!done) return { done: false, value: [this.#counted(frameOfMessage(value))] }
        const ticket = this.#tickets[this.#next++]
        if (!ticket) break
        this.#started = await this.#lease.connection.start('DoGet', [ticket], this.#bounds)
        await this.#beginPart(this.#started)
      }
      this.#end('done')
      return { done: true, value: undefined }
    } catch (error) {
      await this.#started.call.return()
      const answered = error instanceof GrpcFailure && error.origin === 'upstream'
      this.#end(answered ? 'done' : this.#bounds.signal.aborted ? 'cancelled' : 'failed', error)
      throw this.#options.toError(error)
    }
  }

  /** Cancels the call and releases the connection. */
  async return(): Promise<IteratorResult<readonly Frame[]>> {
    if (!this.#isDone) {
      this.#cancel?.abort(new GatewayError('CANCELLED', 'The reader left before the end.'))
      await this.#started.call.return()
      this.#end('cancelled')
    }
    return { done: true, value: undefined }
  }

  /** Reads the schema of a further part, which must have the types of the first. A part may be empty. */
  async #beginPart({ first, call }: StartedCall): Promise<void> {
    if (first.done) return
    const { message, schema } = await readResultStart(first, call)
    checkSameTypes(this.#schema, schema)
    message.release()
  }

  #counted(frame: Frame): Frame {
    this.stats.rows += frame.rows
    this.stats.bytes += frame.byteLength
    return frame
  }

  #end(reason: ReleaseReason, error?: unknown): void {
    if (this.#isDone) return
    this.#isDone = true
    endLease(this.#lease, reason, error, this.#options.close)
  }
}
