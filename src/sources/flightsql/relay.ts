import { readFlightData } from '../../arrow/flight-data.ts'
import type { Frame } from '../../arrow/frame.ts'
import { type MessageInfo, readHeader } from '../../arrow/header.ts'
import type { HeaderFields } from '../../http2/header-decoder.ts'
import { GatewayError } from '../../query/errors.ts'
import type { CallMetadata, Result, ResultStats } from '../../query/types.ts'
import type { CallBounds, Connection, StartedCall } from './connection.ts'
import { GrpcFailure } from './grpc-failure.ts'
import { endLease, type Lease, type ReleaseReason } from './lease.ts'
import { type InboundMessage, joined } from './message-reader.ts'
import { haveSameFields } from './same-fields.ts'

const TAG_HEADER = 0x12
const MAX_PEEKED_CHUNKS = 4

/** One message as a frame, its buffers untouched. */
export function frameOfMessage({ chunks, byteLength, release }: InboundMessage, rows: number): Frame {
  return { chunks: byteLength === 0 ? [Buffer.alloc(0)] : chunks, byteLength, rows, release }
}

/**
 * What the Arrow header of a FlightData message says if it stands first, as servers write it; else undefined. Buffers are
 * joined only where one ends inside the header.
 */
export function peekHeader({ chunks }: InboundMessage): PeekedHeader | undefined {
  const [start = Buffer.alloc(0)] = chunks
  return peek(start) ?? (chunks.length > 1 ? peek(Buffer.concat(chunks.slice(0, MAX_PEEKED_CHUNKS))) : undefined)
}

/** What a header says, and where it ends in its message. */
interface PeekedHeader extends MessageInfo {
  readonly end: number
}

function peek(bytes: Buffer): PeekedHeader | undefined {
  if (bytes[0] !== TAG_HEADER) return undefined
  let length = 0
  let at = 1
  for (let scale = 1; scale < 2 ** 28; scale *= 128) {
    const byte = bytes[at++]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) * scale
    if (byte < 0x80) break
  }
  if (at + length > bytes.length) return undefined
  try {
    return { ...readHeader(bytes.subarray(at, at + length)), end: at + length }
  } catch {
    return undefined
  }
}

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
  await call.return()
  return first.done ? new Uint8Array(0) : schemaOf(first.value)
}

function schemaOf({ chunks }: InboundMessage): Uint8Array {
  return readFlightData(Buffer.concat(chunks)).header
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
 * the first are left out. The lease is released at the end: clean, or not when the upstream broke off.
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
    bounds: CallBounds,
    options: RelayOptions,
  ) {
    this.#lease = lease
    this.#tickets = tickets
    this.#started = started
    this.#schema = tickets.length > 1 ? schemaOf(started.first.value!) : new Uint8Array(0)
    this.#options = options
    this.#leave = tickets.length > 1 ? new AbortController() : undefined
    this.#bounds = this.#leave ? { ...bounds, signal: AbortSignal.any([bounds.signal, this.#leave.signal]) } : bounds
  }

  /**
   * Redeems the first ticket and waits for its schema. When that fails the lease is the caller's still.
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
    if (first.done || peekHeader(first.value)?.kind !== 'schema') {
      await call.return()
      throw new GrpcFailure('DATA_LOSS', 'a result does not begin with its schema', 'local')
    }
    const relay = new Relay(lease, tickets, started, bounds, options)
    const metadata = options.visible(call.headers)
    // Whoever cuts batches needs it as long as there are any.
    const schema = joined(first.value)
    return {
      schema: { chunks: [schema], byteLength: schema.byteLength, rows: 0 },
      frames: { [Symbol.asyncIterator]: () => relay },
      stats: relay.stats,
      ...(metadata && { metadata }),
    }
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    if (this.#over) return { done: true, value: undefined }
    try {
      for (;;) {
        const { done, value } = await this.#started.call.next()
        if (!done) return { done: false, value: [this.#frame(value)] }
        const ticket = this.#tickets[this.#next++]
        if (!ticket) break
        this.#started = await this.#lease.connection.start('DoGet', [ticket], this.#bounds)
        const { first } = this.#started
        if (first.done) continue
        if (peekHeader(first.value)?.kind !== 'schema')
          throw new GrpcFailure('DATA_LOSS', 'a part of the result does not begin with its schema', 'local')
        if (!haveSameFields(schemaOf(first.value), this.#schema))
          throw new GrpcFailure('DATA_LOSS', 'a part of the result has another schema than the first', 'local')
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

  #frame(message: InboundMessage): Frame {
    const header = peekHeader(message)
    if (header?.kind === 'schema') throw new GrpcFailure('DATA_LOSS', 'a second schema came in the middle', 'local')
    if (header && message.byteLength - header.end < header.bodyLength)
      throw new GrpcFailure('DATA_LOSS', 'a batch is shorter than its header says', 'local')
    const rows = header === undefined ? -1 : header.kind === 'batch' ? header.rows : 0
    this.stats.rows += Math.max(0, rows)
    this.stats.bytes += message.byteLength
    return frameOfMessage(message, rows)
  }

  #end(reason: ReleaseReason, error?: unknown): void {
    if (this.#over) return
    this.#over = true
    endLease(this.#lease, reason, error, this.#options.close)
  }
}
