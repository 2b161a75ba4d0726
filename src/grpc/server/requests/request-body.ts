import type { Http2ServerConnection, ServerStream } from '../../../http2/index.ts'
import { GatewayError } from '../../../query/errors.ts'
import { PREFIX_BYTES } from '../../message-prefix.ts'
import { decompress } from './decompress.ts'
import type { DecompressionLimiter } from './decompression-limiter.ts'
import { Deframer, type InboundMessage } from './deframer.ts'
import type { CallMemory } from './memory-budget.ts'
import { RequestBuffer } from './request-buffer.ts'
import { StallTimer } from './stall-timer.ts'
import type { TimeSlices } from './time-slices.ts'

/** Limits and schedulers that the bodies of all calls share. */
export interface BodyOwner {
  /** Time without progress after which an incomplete message fails, in milliseconds. */
  readonly limits: { readonly stallTimeoutMs: number }
  readonly timeSlices: TimeSlices
  readonly decompressions: DecompressionLimiter
}

/** Size limits of a request body. */
export interface BodyLimits {
  readonly maxMessageBytes: number
  /** Limit of all messages together, as sent. */
  readonly maxBodyBytes: number
}

/** Memory overhead of a message, in bytes. */
const MESSAGE_OVERHEAD_BYTES = 256
/** Messages parsed ahead; further bytes stay unparsed, which takes less memory. */
const MAX_READY = 512
/** Replaces a message that was taken. */
const nothing: InboundMessage = { compressed: false, bytes: Buffer.alloc(0) }

/**
 * The request messages of one call. Bytes of messages that the handler has not taken count against the stream's flow-control
 * window, which applies backpressure to the client. After the call has ended, further bytes are discarded.
 */
export class RequestBody {
  readonly #stream: ServerStream
  readonly #deframer: Deframer
  readonly #encoding: string
  readonly #limits: BodyLimits
  readonly #owner: BodyOwner
  readonly #memory: CallMemory
  readonly #connection: Http2ServerConnection
  /** Unparsed bytes, received while `MAX_READY` messages were ready. */
  readonly #unparsed = new RequestBuffer()
  #ready: InboundMessage[] = []
  /** Number of them that were taken. */
  #taken = 0
  #uncredited = 0
  #receivedBytes = 0
  /** Bytes counted in the memory budget: complete messages and unparsed or incomplete ones. */
  #heldBytes = 0
  /** The part of them that is unparsed or incomplete. */
  #incompleteBytes = 0
  #isUnfinished = false
  /** Limits the time without progress of an incomplete message, which occupies memory. */
  readonly #stall: StallTimer
  #wake: (() => void) | undefined
  #onWhole: (() => void) | undefined
  #isComplete = false
  #isDropped = false
  #failure: unknown

  constructor(
    stream: ServerStream,
    encoding: string,
    limits: BodyLimits,
    owner: BodyOwner,
    memory: CallMemory,
    connection: Http2ServerConnection,
  ) {
    this.#stream = stream
    this.#encoding = encoding
    this.#limits = limits
    this.#owner = owner
    this.#memory = memory
    this.#connection = connection
    this.#deframer = new Deframer(limits.maxMessageBytes)
    this.#stall = new StallTimer(owner.limits.stallTimeoutMs, (seconds) =>
      this.fail(new GatewayError('DEADLINE', `The request made no progress for ${seconds} s (limits.stallTimeoutMs).`)),
    )
  }

  /** Processes received bytes. */
  push(bytes: Buffer): void {
    this.#uncredited += bytes.byteLength
    if (!this.#isDropped) {
      try {
        this.#receive(bytes)
      } catch (error) {
        this.fail(error)
        return
      }
    }
    const isEmpty = this.#ready.length === this.#taken
    // The reader waits for the rest of a message that may exceed the window: return the credit now.
    if (this.#isDropped || this.#onWhole || (this.#wake && isEmpty)) this.#credit(this.#uncredited)
    if (!isEmpty) this.#wakeUp()
  }

  /** The client half-closed the stream. */
  complete(): void {
    this.#isComplete = true
    this.#watchRest()
    this.#finish()
  }

  /** Fails the body and discards further bytes. @param error passed to the waiting reader */
  fail(error: unknown): void {
    this.#failure ??= error
    this.drop()
  }

  /** The call has ended: discards further bytes; a waiting reader gets CANCELLED. */
  drop(): void {
    this.#isDropped = true
    this.#ready = []
    this.#taken = 0
    this.#deframer.drop()
    this.#unparsed.drop()
    this.#give(this.#heldBytes)
    this.#watchRest()
    this.#credit(this.#uncredited)
    this.#finish()
  }

  /**
   * Reads the only message of a call; its memory counts until the call has ended.
   * @param fail called with a GatewayError TOO_LARGE, BAD_REQUEST, UNIMPLEMENTED, QUEUE_FULL or CANCELLED
   */
  single(done: (message: Buffer) => void, fail: (error: unknown) => void): void {
    this.#onWhole = () => {
      this.#onWhole = undefined
      const [message] = this.#ready
      if (this.#failure !== undefined) fail(this.#failure)
      else if (this.#isDropped) return
      else if (!message || !this.#deframer.idle)
        fail(new GatewayError('BAD_REQUEST', 'The request holds no complete message.'))
      else if (message.compressed) this.#decompress(message.bytes).then(done, fail)
      else done(message.bytes)
      this.#ready = []
    }
  }

  /** Yields the decompressed messages; the memory of one counts until the next is requested. @throws GatewayError as `single` */
  async *messages(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const message = this.#take()
      if (message) {
        const { compressed, bytes } = message
        this.#credit(Math.min(this.#uncredited, bytes.byteLength + PREFIX_BYTES))
        const pause = this.#owner.timeSlices.next()
        if (pause) await pause
        const whole = compressed ? await this.#decompress(bytes) : bytes
        yield whole
        this.#give(sizeOf(message) + (compressed ? whole.byteLength : 0))
      } else if (this.#failure !== undefined) throw this.#failure
      else if (this.#isDropped) throw new GatewayError('CANCELLED')
      else if (this.#isComplete) break
      else {
        this.#credit(this.#uncredited)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    if (!this.#deframer.idle) throw new GatewayError('BAD_REQUEST', 'The request ends in the middle of a message.')
  }

  /** @throws GatewayError TOO_LARGE, BAD_REQUEST, QUEUE_FULL */
  #receive(bytes: Buffer): void {
    this.#receivedBytes += bytes.byteLength
    if (this.#receivedBytes > this.#limits.maxBodyBytes)
      throw new GatewayError('TOO_LARGE', `The request exceeds ${this.#limits.maxBodyBytes} bytes.`)
    const rest = this.#unparsed.isEmpty ? this.#deframe(bytes) : bytes
    if (rest.byteLength > 0) this.#unparsed.append(rest)
    if (this.#onWhole && this.#ready.length > 1)
      throw new GatewayError('BAD_REQUEST', 'The call takes one request message, not several.')
    this.#account(0)
    this.#watchRest()
  }

  /** Parses bytes up to `MAX_READY` messages. @returns unparsed rest. @throws GatewayError TOO_LARGE, BAD_REQUEST, QUEUE_FULL */
  #deframe(bytes: Buffer): Buffer {
    const room = MAX_READY - (this.#ready.length - this.#taken)
    if (room <= 0) return bytes
    let added = 0
    let empty = 0
    for (const message of this.#deframer.push(bytes, room)) {
      added += sizeOf(message)
      if (message.bytes.byteLength === 0) empty++
      this.#ready.push(message)
    }
    const { usedBytes } = this.#deframer
    this.#account(added)
    // Empty messages cost work and carry nothing.
    if (empty > 0) this.#connection.charge(empty)
    return usedBytes === bytes.length ? nothing.bytes : bytes.subarray(usedBytes)
  }

  /** Updates the memory budget for added messages and for incomplete or unparsed bytes. @throws GatewayError QUEUE_FULL */
  #account(addedBytes: number): void {
    const incompleteBytes = this.#deframer.heldBytes + this.#unparsed.heldBytes
    const more = addedBytes + incompleteBytes - this.#incompleteBytes
    this.#incompleteBytes = incompleteBytes
    if (more > 0) this.#keep(more)
    else this.#give(-more)
  }

  #decompress(bytes: Buffer): Promise<Buffer> {
    return this.#owner.decompressions.run(this.#connection, () =>
      this.#isDropped
        ? Promise.reject(this.#failure ?? new GatewayError('CANCELLED'))
        : decompress(bytes, this.#encoding, this.#limits.maxMessageBytes, (more) => this.#keep(more)),
    )
  }

  #take(): InboundMessage | undefined {
    if (this.#taken === this.#ready.length) {
      this.#ready = []
      this.#taken = 0
      if (!this.#unparsed.isEmpty && !this.#isDropped) this.#refill()
    }
    if (this.#taken === MAX_READY) {
      this.#ready.splice(0, MAX_READY)
      this.#taken = 0
    }
    const message = this.#ready[this.#taken]
    if (message) this.#ready[this.#taken++] = nothing
    return message
  }

  /** @throws GatewayError as `#deframe` */
  #refill(): void {
    for (let block = this.#unparsed.take(); block; block = this.#unparsed.take()) {
      const rest = this.#deframe(block)
      if (rest.byteLength === 0) continue
      this.#unparsed.putBack(rest)
      break
    }
    this.#account(0)
    this.#watchRest()
  }

  /** @throws GatewayError QUEUE_FULL, CANCELLED */
  #keep(bytes: number): void {
    if (this.#isDropped) throw this.#failure ?? new GatewayError('CANCELLED')
    this.#memory.take(bytes)
    this.#heldBytes += bytes
  }

  #give(bytes: number): void {
    const given = Math.min(bytes, this.#heldBytes)
    this.#heldBytes -= given
    this.#memory.give(given)
  }

  /** Runs the stall timer while a message is incomplete, and marks the request as incomplete in the memory budget. */
  #watchRest(): void {
    const isUnfinished = !this.#isComplete && !this.#isDropped && this.#unparsed.isEmpty && !this.#deframer.idle
    this.#stall.watch(isUnfinished)
    if (isUnfinished === this.#isUnfinished) return
    this.#isUnfinished = isUnfinished
    if (isUnfinished) this.#memory.begin((error) => this.fail(error))
    else this.#memory.finish()
  }

  #credit(bytes: number): void {
    this.#uncredited -= bytes
    if (bytes > 0) this.#stream.credit(bytes)
  }

  #finish(): void {
    this.#onWhole?.()
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

/** Memory of a complete message, in bytes. */
function sizeOf({ bytes }: InboundMessage): number {
  return bytes.byteLength + MESSAGE_OVERHEAD_BYTES
}
