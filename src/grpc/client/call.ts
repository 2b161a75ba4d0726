import type { Frame } from '../../arrow/ipc/frame.ts'
import { LoopTurn } from '../../async/loop-turn.ts'
import {
  type ClientStream,
  ErrorCode,
  encodeHeaders,
  type HeaderFields,
  type Http2Client,
  type ReceiveBuffer,
  type ResponseListener,
  type StreamEnd,
  TokenBucket,
} from '../../http2/index.ts'
import { prefixOf } from '../message-prefix.ts'
import { ByteQueue } from './byte-queue.ts'
import { CutOff, failureOf, failureOfHttpStatus, GrpcFailure, OversizedAnswer, TurnedAway } from './failure.ts'
import { type InboundMessage, joined, MessageReader } from './message-reader.ts'

/** Headers, signal and deadline of a call. */
export interface CallOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Unix time in milliseconds; `Infinity` for none. */
  readonly deadlineAt: number
  /** Called once when the call ends. @param failure a GrpcFailure or the signal's reason; undefined after the status OK */
  readonly onEnd?: ((failure: unknown) => void) | undefined
}

/** Limits of an upstream's responses. */
export interface AnswerLimits {
  readonly maxMessageBytes: number
  /** Limit of headers and of trailers, each. */
  readonly maxHeaderBytes: number
}

/** Messages parsed ahead of `next`. Further bytes stay unparsed, where many small messages take less memory. */
const MAX_READY = 1024
/** Rate limit of empty messages, which are no progress. */
const EMPTY_MESSAGES = { burst: 10_000, perSecond: 1000 }
/** Memory overhead of a collected message, in bytes. */
const MESSAGE_OVERHEAD_BYTES = 256
const MAX_TIMER_MS = 2_147_483_647
const TIMEOUT_DIGITS = 8

/** Meaning of RST_STREAM codes. Source: PROTOCOL-HTTP2.md, "Errors". */
const resets: Readonly<
  Record<number, readonly [status: 'UNAVAILABLE' | 'CANCELLED' | 'RESOURCE_EXHAUSTED', notProcessed: boolean]>
> = {
  [ErrorCode.refusedStream]: ['UNAVAILABLE', true],
  [ErrorCode.cancel]: ['CANCELLED', false],
  [ErrorCode.enhanceYourCalm]: ['RESOURCE_EXHAUSTED', false],
}

/**
 * One call to an upstream. The consumer pulls messages with `next`. Until then, their bytes count against the flow-control
 * window, which applies backpressure to the upstream.
 */
export class UpstreamCall implements AsyncIterator<InboundMessage>, ResponseListener {
  readonly #stream: ClientStream
  readonly #signal: AbortSignal
  readonly #reader: MessageReader
  readonly #limits: AnswerLimits
  readonly #onEnd: (failure: unknown) => void
  readonly #ready: InboundMessage[] = []
  readonly #unparsed = new ByteQueue()
  readonly #timer: NodeJS.Timeout | undefined
  #wake: (() => void) | undefined
  #headers: HeaderFields = {}
  #trailers: HeaderFields | undefined
  #areTrailersCut = false
  /** Received bytes not yet returned to the flow-control window. */
  #uncredited = 0
  readonly #turn = new LoopTurn()
  #emptyMessages: TokenBucket | undefined
  #ended = false
  #failure: unknown

  /** @param common header block that all calls of the method share, with the pseudo-header fields */
  constructor(
    client: Http2Client,
    common: Buffer,
    messages: readonly Uint8Array[] | AsyncIterable<Frame>,
    options: CallOptions,
    limits: AnswerLimits,
    onEnd: (failure: unknown) => void,
  ) {
    const { headers, signal, deadlineAt } = options
    this.#signal = signal
    this.#onEnd = onEnd
    this.#limits = limits
    this.#reader = new MessageReader(limits.maxMessageBytes)
    const leftMs = deadlineAt - Date.now()
    const own = Object.entries(headers)
    if (Number.isFinite(leftMs)) own.push(['grpc-timeout', timeoutOf(leftMs)])
    const block = own.length === 0 ? common : Buffer.concat([common, encodeHeaders(own)])
    const uploads = Symbol.asyncIterator in messages
    const body = uploads ? [] : messages.flatMap((message) => [prefixOf(message.byteLength), message])
    this.#stream = client.request(block, body, !uploads, this)
    if (this.#ended) return
    if (leftMs < MAX_TIMER_MS)
      this.#timer = setTimeout(
        () => this.#fail(new GrpcFailure('DEADLINE_EXCEEDED', 'the deadline has passed', 'local')),
        Math.max(0, leftMs),
      )
    signal.addEventListener('abort', this.#onAbort, { once: true })
    if (signal.aborted) this.#onAbort()
    if (uploads) void this.#upload(messages)
  }

  /** Initial metadata; available once `next` has returned. */
  get headers(): HeaderFields {
    return this.#headers
  }

  get trailers(): HeaderFields {
    return this.#trailers ?? {}
  }

  /** Returns the next message in its receive buffers. @throws GrpcFailure, or the signal's reason */
  async next(): Promise<IteratorResult<InboundMessage>> {
    for (;;) {
      const turn = this.#turn.next()
      if (turn) await turn
      if (this.#ready.length === 0 && !this.#unparsed.isEmpty) this.#parseQueued()
      const message = this.#ready.shift()
      if (message) {
        if (message.byteLength === 0 && !this.#countEmptyMessage()) continue
        this.#credit(Math.min(this.#uncredited, message.byteLength))
        return { done: false, value: message }
      }
      if (this.#ended) {
        if (this.#failure !== undefined) throw this.#failure
        if (!this.#reader.idle) throw new CutOff('the stream ended in the middle of a message')
        return { done: true, value: undefined }
      }
      this.#credit(this.#uncredited)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#turn.reset()
    }
  }

  /** Ends the call; if it still runs, RST_STREAM cancels it at the upstream. */
  async return(): Promise<IteratorResult<InboundMessage>> {
    if (this.#ended) this.#drop()
    else this.#fail(new GrpcFailure('CANCELLED', 'the call was cancelled', 'local'))
    return { done: true, value: undefined }
  }

  /** Collects all messages, each joined into one buffer; for calls with few. @throws GrpcFailure, or the signal's reason */
  async collect(maxBytes: number): Promise<Buffer[]> {
    const all: Buffer[] = []
    let total = 0
    for (;;) {
      const { done, value } = await this.next()
      if (done) return all
      total += value.byteLength + MESSAGE_OVERHEAD_BYTES
      if (total > maxBytes) {
        await this.return()
        throw new GrpcFailure('RESOURCE_EXHAUSTED', `the response exceeds ${maxBytes} bytes`, 'local')
      }
      all.push(joined(value))
    }
  }

  onHeaders(fields: HeaderFields, isCut: boolean): void {
    this.#areTrailersCut = isCut
    if (this.#headers[':status'] !== undefined) {
      this.#trailers = fields
      return
    }
    this.#headers = fields
    const status = Number(fields[':status'])
    if (status !== 200 && fields['grpc-status'] === undefined) this.#fail(failureOfHttpStatus(status))
    // A trailers-only response carries its status here.
    else if (fields['grpc-status'] !== undefined) this.#trailers = fields
  }

  onData(bytes: Buffer, buffer: ReceiveBuffer): void {
    this.#uncredited += bytes.byteLength
    try {
      const taken = this.#unparsed.isEmpty ? this.#reader.push(bytes, buffer, this.#ready, MAX_READY) : 0
      if (taken < bytes.length) this.#unparsed.add(bytes, taken)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#ready.length > 0) this.#wakeUp()
    // `next` waits for the rest of a message that may exceed the window: return the credit now.
    else if (this.#wake) this.#credit(this.#uncredited)
  }

  onEnd(): void {
    if (!this.#ended) this.#end(this.#lastFailure())
  }

  onAbort(end: StreamEnd): void {
    if (this.#ended) return
    // Received trailers hold the result, even if the stream is reset after them.
    this.#end(this.#trailers ? this.#lastFailure() : abortFailure(end, this.#limits))
  }

  /** Parses queued bytes until a message is complete. */
  #parseQueued(): void {
    try {
      while (this.#ready.length === 0 && !this.#unparsed.isEmpty)
        this.#unparsed.take(this.#reader.push(this.#unparsed.peek(), undefined, this.#ready, MAX_READY))
    } catch (error) {
      this.#failReceived(error)
    }
  }

  /** Counts an empty message. @returns false, and ends the call, if the upstream exceeds the rate */
  #countEmptyMessage(): boolean {
    this.#emptyMessages ??= new TokenBucket(EMPTY_MESSAGES.burst, EMPTY_MESSAGES.perSecond)
    if (this.#emptyMessages.take()) return true
    this.#failReceived(new GrpcFailure('DATA_LOSS', 'the server sends too many empty messages', 'local'))
    return false
  }

  #credit(bytes: number): void {
    this.#uncredited -= bytes
    if (bytes > 0) this.#stream.credit(bytes)
  }

  /** Sends frames under the upstream's backpressure until the call ends. */
  async #upload(frames: AsyncIterable<Frame>): Promise<void> {
    try {
      for await (const { byteLength, chunks } of frames) {
        if (this.#ended) return
        this.#stream.write([prefixOf(byteLength), ...chunks], false)
        await this.#stream.drained()
      }
      if (!this.#ended) this.#stream.write([], true)
    } catch (error) {
      this.#fail(error)
    }
  }

  #lastFailure(): GrpcFailure | undefined {
    const { ':status': _, ...trailers } = this.#trailers ?? {}
    if (this.#areTrailersCut && trailers['grpc-status'] === undefined) return oversized(this.#limits)
    if (this.#areTrailersCut) trailers['grpc-message'] ??= 'The text of the error is too long to be shown.'
    return failureOf(trailers)
  }

  readonly #onAbort = (): void => this.#fail(this.#signal.reason)

  /** Ends the call from this side and discards its received messages. */
  #fail(failure: unknown): void {
    if (this.#ended) return
    this.#drop()
    this.#end(failure)
    this.#stream.reset()
  }

  /** Fails the call because of invalid received bytes, also after the server has ended it. */
  #failReceived(failure: unknown): void {
    this.#fail(failure)
    this.#drop()
    this.#failure ??= failure
  }

  #drop(): void {
    for (const message of this.#ready.splice(0)) message.release()
    this.#unparsed.clear()
    this.#reader.drop()
  }

  #end(failure: unknown): void {
    this.#ended = true
    this.#failure = failure
    if (this.#unparsed.isEmpty) this.#reader.drop()
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#onEnd(failure)
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

function abortFailure(end: StreamEnd, limits: AnswerLimits): GrpcFailure {
  if (end.kind === 'oversized') return oversized(limits)
  if (end.kind === 'lost') {
    const why = `the connection was lost${end.why === undefined ? '' : `: ${end.why}`}`
    return end.notProcessed ? new TurnedAway(why) : new GrpcFailure('UNAVAILABLE', why, 'local')
  }
  const [status, notProcessed] = resets[end.code] ?? (['UNAVAILABLE', false] as const)
  return new GrpcFailure(status, `the stream was reset (HTTP/2 code ${end.code})`, 'local', { notProcessed })
}

/** For example, the text of an error may repeat a long statement. */
function oversized({ maxHeaderBytes }: AnswerLimits): OversizedAnswer {
  return new OversizedAnswer(`headers or trailers of more than ${maxHeaderBytes} bytes`)
}

/** Formats a `grpc-timeout`: at most 8 digits, then the unit. */
function timeoutOf(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms))
  return String(whole).length <= TIMEOUT_DIGITS ? `${whole}m` : `${Math.min(99_999_999, Math.ceil(whole / 1000))}S`
}
