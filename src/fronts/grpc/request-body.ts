import type { ServerStream } from '../../http2/server-stream.ts'
import { GatewayError } from '../../query/errors.ts'
import { Deframer, decompress, type InboundMessage } from './deframer.ts'

/**
 * What a client sends in one call, as messages. What nobody has taken counts against the window of its stream, so that the
 * client is held back; what comes after nobody wants any more is dropped.
 */
export class RequestBody {
  readonly #stream: ServerStream
  readonly #deframer: Deframer
  readonly #encoding: string
  readonly #maxBytes: number
  readonly #ready: InboundMessage[] = []
  #uncredited = 0
  #wake: (() => void) | undefined
  #onWhole: (() => void) | undefined
  #isComplete = false
  #isDropped = false
  #failure: unknown

  constructor(stream: ServerStream, encoding: string, maxBytes: number) {
    this.#stream = stream
    this.#encoding = encoding
    this.#maxBytes = maxBytes
    this.#deframer = new Deframer(maxBytes)
  }

  /** Takes the next bytes. */
  push(bytes: Buffer): void {
    this.#uncredited += bytes.byteLength
    if (!this.#isDropped) {
      try {
        this.#ready.push(...this.#deframer.push(bytes))
        if (this.#onWhole && this.#ready.length > 1)
          throw new GatewayError('BAD_REQUEST', 'The call takes one request message, not several.')
      } catch (error) {
        this.fail(error)
        return
      }
    }
    // Whoever waits wants the rest of a message that is larger than the window.
    if (this.#isDropped || this.#onWhole || (this.#wake && this.#ready.length === 0)) this.#credit(this.#uncredited)
    if (this.#ready.length > 0) this.#wakeUp()
  }

  /** The client has sent all. */
  complete(): void {
    this.#isComplete = true
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
    this.#ready.length = 0
    this.#credit(this.#uncredited)
    this.#finish()
  }

  /** Hands over the only message of a call. @param fail told GatewayError TOO_LARGE, BAD_REQUEST, UNIMPLEMENTED, CANCELLED */
  single(done: (message: Buffer) => void, fail: (error: unknown) => void): void {
    this.#onWhole = () => {
      this.#onWhole = undefined
      const [message] = this.#ready
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
      const message = this.#ready.shift()
      if (message) {
        this.#credit(Math.min(this.#uncredited, message.bytes.byteLength))
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
    return decompress(message, this.#encoding, this.#maxBytes)
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
