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
 * Redeems a ticket only to learn the schema of its result, a bare flatbuffer `Message`; the upstream is told to stop.
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
    // A copy: the view may be of memory that is received into again.
    return Uint8Array.from((await readResultStart(first, call)).schema)
  } finally {
    await call.return()
  }
}

/** How a relay fits into its source. */
export interface RelayOptions {
  toError(thrown: unknown): unknown
  /** What of the upstream's metadata the client may see. */
  visible(headers: HeaderFields): CallMetadata | undefined
  /** Run on the lease before it goes back, also when the reader has left; the reader does not wait for it. */
  close?(): Promise<void>
}

/**
 * The results of tickets, one after another, as one stream on one lease. Frames go through as they come; the schemas after
 * the first are left out, and so is application metadata that comes before a schema.
 * The lease is released at the end: clean, or not when the upstream broke off.
 */
export class Relay implements AsyncIterator<readonly Frame[]> {
  readonly stats: ResultStats = { rows: 0, bytes: 0, affectedRows: -1 }
  readonly #lease: Lease
  readonly #tickets: readonly Uint8Array[]
  readonly #bounds: CallBounds
  readonly #options: RelayOptions
  /** Ends a call that has not begun to answer, which only a result in parts can be in when its reader leaves. */
  readonly #leave: AbortController | undefined
  /** Of the first part; empty when there is only one. */
  readonly #schema: Uint8Array
  #started: StartedCall
  #next = 1
  #over = false

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
    this.#leave = tickets.length > 1 ? new AbortController() : undefined
    this.#bounds = this.#leave ? { ...bounds, signal: AbortSignal.any([bounds.signal, this.#leave.signal]) } : bounds
  }

  /**
   * Redeems the first ticket, waits for its schema and keeps the lease. When that fails the lease is the caller's still.
   * @param tickets as DoGet takes them, at least one
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
      // Whoever cuts batches needs it as long as there are any.
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
    if (this.#over) return { done: true, value: undefined }
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

  /** Stops: the upstream is told, and the connection goes back. */
  async return(): Promise<IteratorResult<readonly Frame[]>> {
    if (!this.#over) {
      this.#leave?.abort(new GatewayError('CANCELLED', 'The reader left before the end.'))
      await this.#started.call.return()
      this.#end('cancelled')
    }
    return { done: true, value: undefined }
  }

  /** Reads the schema of a further part, which must be the first's; a part may be empty. */
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
    if (this.#over) return
    this.#over = true
    endLease(this.#lease, reason, error, this.#options.close)
  }
}
