import { PREFIX_BYTES } from '../../http2/message-prefix.ts'
import type { ServerStream } from '../../http2/server-stream.ts'
import { GatewayError } from '../../query/errors.ts'
import { Deframer, decompress, type InboundMessage } from './deframer.ts'
import { StallTimer } from './stall-timer.ts'

/** What the bodies of all calls share. */
export interface InboundBudget {
  readonly maxInboundMessageBytes: number
  /** Bytes of requests that have come and that nobody works on yet, over all calls. */
  inboundBytes: number
  /** Above this much the call whose turn it is is refused. */
  readonly maxInFlightBytes: number
  /** Within which a message that has begun must go on. */
  readonly stallTimeoutMs: number
}

/**
 * What a client sends in one call, as messages. What nobody has taken counts against the window of its stream, so that the
 * client is held back; what comes after nobody wants any more is dropped.
 */
export class RequestBody {
  readonly #stream: ServerStream
  readonly #deframer: Deframer
  readonly #encoding: string
  readonly #budget: InboundBudget
  #ready: InboundMessage[] = []
  /** Those of them that have been taken. */
  #taken = 0
  #uncredited = 0
  /** Counted in the budget. */
  #heldBytes = 0
  /** A message that has begun must go on: it takes room that others want. */
  readonly #stall: StallTimer
  #wake: (() => void) | undefined
  #onWhole: (() => void) | undefined
  #isComplete = false
  #isDropped = false
  #failure: unknown

  constructor(stream: ServerStream, encoding: string, budget: InboundBudget) {
    this.#stream = stream
    this.#encoding = encoding
    this.#budget = budget
    this.#deframer = new Deframer(budget.maxInboundMessageBytes)
    this.#stall = new StallTimer(budget.stallTimeoutMs, (seconds) =>
      this.fail(new GatewayError('DEADLINE', `The request did not go on for ${seconds} s (limits.stallTimeoutMs).`)),
    )
  }

  /** Takes the next bytes. */
  push(bytes: Buffer): void {
    this.#uncredited += bytes.byteLength
    if (!this.#isDropped) {
      try {
        this.#hold(bytes.byteLength)
        for (const message of this.#deframer.push(bytes)) this.#ready.push(message)
        if (this.#onWhole && this.#ready.length > 1)
          throw new GatewayError('BAD_REQUEST', 'The call takes one request message, not several.')
      } catch (error) {
        this.fail(error)
        return
      }
      this.#stall.watch(!this.#deframer.idle)
    }
    const isEmpty = this.#ready.length === this.#taken
    // Whoever waits wants the rest of a message that is larger than the window.
    if (this.#isDropped || this.#onWhole || (this.#wake && isEmpty)) this.#credit(this.#uncredited)
    if (!isEmpty) this.#wakeUp()
  }

  /** The client has sent all. */
  complete(): void {
    this.#isComplete = true
    this.#stall.stop()
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
    this.#hold(-this.#heldBytes)
    this.#stall.stop()
    this.#credit(this.#uncredited)
    this.#finish()
  }

  /** Hands over the only message of a call. @param fail told GatewayError TOO_LARGE, BAD_REQUEST, UNIMPLEMENTED, CANCELLED */
  single(done: (message: Buffer) => void, fail: (error: unknown) => void): void {
    this.#onWhole = () => {
      this.#onWhole = undefined
      const [message] = this.#ready
      if (this.#failure === undefined) this.#hold(-this.#heldBytes)
      if (this.#failure !== undefined) fail(this.#failure)
      else if (this.#isDropped) return
      else if (!message || !this.#deframer.idle)
        fail(new GatewayError('BAD_REQUEST', 'The request holds no complete message.'))
      else if (message.compressed) this.#decompress(message).then(done, fail)
      else done(message.bytes)
    }
  }

  /** The messages, decompressed, as they are asked for. @throws GatewayError as `single` */
  async *messages(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const message = this.#take()
      if (message) {
        const bytes = Math.min(this.#uncredited, message.bytes.byteLength + PREFIX_BYTES)
        this.#credit(bytes)
        this.#hold(-Math.min(this.#heldBytes, message.bytes.byteLength + PREFIX_BYTES))
        yield await this.#decompress(message)
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

  #decompress(message: InboundMessage): Promise<Buffer> {
    return decompress(message, this.#encoding, this.#budget.maxInboundMessageBytes)
  }

  #take(): InboundMessage | undefined {
    const message = this.#ready[this.#taken]
    if (!message) {
      this.#ready = []
      this.#taken = 0
      return undefined
    }
    this.#taken++
    return message
  }

  /** Counts bytes that are held more, or fewer. @throws GatewayError QUEUE_FULL */
  #hold(bytes: number): void {
    this.#heldBytes += bytes
    this.#budget.inboundBytes += bytes
    if (bytes > 0 && this.#budget.inboundBytes > this.#budget.maxInFlightBytes)
      throw new GatewayError(
        'QUEUE_FULL',
        'The requests that are on their way to the gateway are too large together: try again later (limits.maxInFlightBytes).',
      )
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
