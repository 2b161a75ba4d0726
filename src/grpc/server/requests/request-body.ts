import type { Http2ServerConnection, ServerStream } from '../../../http2/index.ts'
import { GatewayError } from '../../../query/errors.ts'
import { PREFIX_BYTES } from '../../message-prefix.ts'
import { Backlog } from './backlog.ts'
import { decompress } from './decompress.ts'
import { Deframer, type InboundMessage } from './deframer.ts'
import type { Inflations } from './inflations.ts'
import type { Holding } from './memory-budget.ts'
import { StallTimer } from './stall-timer.ts'
import type { Turns } from './turns.ts'

/** What the bodies of all calls share. */
export interface BodyOwner {
  /** Within which a message that has begun must go on. */
  readonly stallTimeoutMs: number
  readonly turns: Turns
  readonly inflations: Inflations
}

/** What a body may be. */
export interface BodyLimits {
  readonly maxMessageBytes: number
  /** Size of all messages together, as they come. */
  readonly maxBodyBytes: number
}

/** What a message takes beyond its bytes. */
const MESSAGE_OVERHEAD_BYTES = 256
/** Messages that are ready at once; what else has come waits as the bytes that it is, which take less. */
const MAX_READY = 512
/** In place of a message that has been taken. */
const nothing: InboundMessage = { compressed: false, bytes: Buffer.alloc(0) }

/**
 * What a client sends in one call, as messages. What nobody has taken counts against the window of its stream, so that the
 * client is held back; what comes after nobody wants any more is dropped.
 */
export class RequestBody {
  readonly #stream: ServerStream
  readonly #deframer: Deframer
  readonly #encoding: string
  readonly #limits: BodyLimits
  readonly #owner: BodyOwner
  readonly #holding: Holding
  readonly #connection: Http2ServerConnection
  /** What came while enough messages were ready. */
  readonly #backlog = new Backlog()
  #ready: InboundMessage[] = []
  /** Those of them that have been taken. */
  #taken = 0
  #uncredited = 0
  #receivedBytes = 0
  /** Counted in the budget: complete messages, and what waits to become some. */
  #heldBytes = 0
  /** The latter. */
  #incompleteBytes = 0
  #isUnfinished = false
  /** A message that has begun must go on: it takes room that others want. */
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
    holding: Holding,
    connection: Http2ServerConnection,
  ) {
    this.#stream = stream
    this.#encoding = encoding
    this.#limits = limits
    this.#owner = owner
    this.#holding = holding
    this.#connection = connection
    this.#deframer = new Deframer(limits.maxMessageBytes)
    this.#stall = new StallTimer(owner.stallTimeoutMs, (seconds) =>
      this.fail(new GatewayError('DEADLINE', `The request did not go on for ${seconds} s (limits.stallTimeoutMs).`)),
    )
  }

  /** Takes the next bytes. */
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
    // Whoever waits wants the rest of a message that is larger than the window.
    if (this.#isDropped || this.#onWhole || (this.#wake && isEmpty)) this.#credit(this.#uncredited)
    if (!isEmpty) this.#wakeUp()
  }

  /** The client has sent all. */
  complete(): void {
    this.#isComplete = true
    this.#watchRest()
    this.#finish()
  }

  /** Nothing more will come, or is wanted: the rest goes to nowhere. @param error what whoever waits is told */
  fail(error: unknown): void {
    this.#failure ??= error
    this.drop()
  }

  /** The call is over: what the client still sends goes to nowhere, and whoever waits is told that it is cancelled. */
  drop(): void {
    this.#isDropped = true
    this.#ready = []
    this.#taken = 0
    this.#deframer.drop()
    this.#backlog.drop()
    this.#give(this.#heldBytes)
    this.#watchRest()
    this.#credit(this.#uncredited)
    this.#finish()
  }

  /**
   * Hands over the only message of a call, whose memory counts until the call has ended.
   * @param fail told GatewayError TOO_LARGE, BAD_REQUEST, UNIMPLEMENTED, QUEUE_FULL, CANCELLED
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

  /** The messages, decompressed, as they are asked for; the memory of one counts until the next is. @throws GatewayError as `single` */
  async *messages(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const message = this.#take()
      if (message) {
        const { compressed, bytes } = message
        this.#credit(Math.min(this.#uncredited, bytes.byteLength + PREFIX_BYTES))
        const pause = this.#owner.turns.next()
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
      throw new GatewayError('TOO_LARGE', `The request is above ${this.#limits.maxBodyBytes} bytes.`)
    const rest = this.#backlog.isEmpty ? this.#deframe(bytes) : bytes
    if (rest.byteLength > 0) this.#backlog.append(rest)
    if (this.#onWhole && this.#ready.length > 1)
      throw new GatewayError('BAD_REQUEST', 'The call takes one request message, not several.')
    this.#account(0)
    this.#watchRest()
  }

  /** Makes messages of bytes until enough are ready; answers with those that are left. @throws GatewayError TOO_LARGE, BAD_REQUEST, QUEUE_FULL */
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
    // They are work, and say nothing.
    if (empty > 0) this.#connection.charge(empty)
    return usedBytes === bytes.length ? nothing.bytes : bytes.subarray(usedBytes)
  }

  /** Counts what messages have been added, and what waits to become some. @throws GatewayError QUEUE_FULL */
  #account(addedBytes: number): void {
    const incompleteBytes = this.#deframer.heldBytes + this.#backlog.heldBytes
    const more = addedBytes + incompleteBytes - this.#incompleteBytes
    this.#incompleteBytes = incompleteBytes
    if (more > 0) this.#keep(more)
    else this.#give(-more)
  }

  #decompress(bytes: Buffer): Promise<Buffer> {
    return this.#owner.inflations.run(this.#connection, () =>
      this.#isDropped
        ? Promise.reject(this.#failure ?? new GatewayError('CANCELLED'))
        : decompress(bytes, this.#encoding, this.#limits.maxMessageBytes, (more) => this.#keep(more)),
    )
  }

  #take(): InboundMessage | undefined {
    if (this.#taken === this.#ready.length) {
      this.#ready = []
      this.#taken = 0
      if (!this.#backlog.isEmpty && !this.#isDropped) this.#refill()
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
    for (let block = this.#backlog.take(); block; block = this.#backlog.take()) {
      const rest = this.#deframe(block)
      if (rest.byteLength === 0) continue
      this.#backlog.putBack(rest)
      break
    }
    this.#account(0)
    this.#watchRest()
  }

  /** @throws GatewayError QUEUE_FULL, CANCELLED */
  #keep(bytes: number): void {
    if (this.#isDropped) throw this.#failure ?? new GatewayError('CANCELLED')
    this.#holding.take(bytes)
    this.#heldBytes += bytes
  }

  #give(bytes: number): void {
    const given = Math.min(bytes, this.#heldBytes)
    this.#heldBytes -= given
    this.#holding.give(given)
  }

  /** Watches over the rest of a message of which a part has come. */
  #watchRest(): void {
    const isUnfinished = !this.#isComplete && !this.#isDropped && this.#backlog.isEmpty && !this.#deframer.idle
    this.#stall.watch(isUnfinished)
    if (isUnfinished === this.#isUnfinished) return
    this.#isUnfinished = isUnfinished
    if (isUnfinished) this.#holding.begin((error) => this.fail(error))
    else this.#holding.finish()
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

/** What a complete message counts. */
function sizeOf({ bytes }: InboundMessage): number {
  return bytes.byteLength + MESSAGE_OVERHEAD_BYTES
}
