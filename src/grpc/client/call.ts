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
import { Backlog } from './backlog.ts'
import { failureOf, failureOfHttpStatus, GrpcFailure, OversizedAnswer, TurnedAway } from './failure.ts'
import { type InboundMessage, joined, MessageReader } from './message-reader.ts'

/** What accompanies a call. */
export interface CallOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Unix time in milliseconds; `Infinity` for none. */
  readonly deadlineAt: number
}

/** What bounds the answers of an upstream. */
export interface AnswerLimits {
  readonly maxMessageBytes: number
  /** Of headers and of trailers. */
  readonly maxHeaderBytes: number
}

/** Messages that are found before somebody asks for them; what comes behind them waits as bytes, since many are small then. */
const MAX_READY = 1024
/** Messages with nothing in them, which are no progress. */
const EMPTY_MESSAGES = { burst: 10_000, perSecond: 1000 }
/** What a collected message takes beside its bytes. */
const MESSAGE_OVERHEAD_BYTES = 256
const MAX_TIMER_MS = 2_147_483_647
const TIMEOUT_DIGITS = 8

/** How the resets of a stream are to be read. Source: PROTOCOL-HTTP2.md, "Errors". */
const resets: Readonly<
  Record<number, readonly [status: 'UNAVAILABLE' | 'CANCELLED' | 'RESOURCE_EXHAUSTED', notProcessed: boolean]>
> = {
  [ErrorCode.refusedStream]: ['UNAVAILABLE', true],
  [ErrorCode.cancel]: ['CANCELLED', false],
  [ErrorCode.enhanceYourCalm]: ['RESOURCE_EXHAUSTED', false],
}

/**
 * One call to an upstream. Messages are pulled: what nobody asks for is not given back to the window, which holds the
 * upstream back.
 */
export class UpstreamCall implements AsyncIterator<InboundMessage>, ResponseListener {
  readonly #stream: ClientStream
  readonly #signal: AbortSignal
  readonly #reader: MessageReader
  readonly #limits: AnswerLimits
  readonly #onEnd: () => void
  readonly #ready: InboundMessage[] = []
  readonly #backlog = new Backlog()
  readonly #timer: NodeJS.Timeout | undefined
  #wake: (() => void) | undefined
  #headers: HeaderFields = {}
  #trailers: HeaderFields | undefined
  #areTrailersCut = false
  /** Bytes received and not yet given back to the window. */
  #uncredited = 0
  readonly #turn = new LoopTurn()
  #emptyMessages: TokenBucket | undefined
  #ended = false
  #failure: unknown

  /** @param common header block of what is the same in all calls of the method, pseudo-fields among it */
  constructor(
    client: Http2Client,
    common: Buffer,
    messages: readonly Uint8Array[] | AsyncIterable<Frame>,
    options: CallOptions,
    limits: AnswerLimits,
    onEnd: () => void,
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

  /** The initial metadata; complete once a message or the end has come. */
  get headers(): HeaderFields {
    return this.#headers
  }

  get trailers(): HeaderFields {
    return this.#trailers ?? {}
  }

  /** The next message, its buffers as they came. @throws GrpcFailure, or the signal's reason */
  async next(): Promise<IteratorResult<InboundMessage>> {
    for (;;) {
      const turn = this.#turn.next()
      if (turn) await turn
      if (this.#ready.length === 0 && !this.#backlog.isEmpty) this.#readBacklog()
      const message = this.#ready.shift()
      if (message) {
        if (message.byteLength === 0 && !this.#mayBeEmpty()) continue
        this.#credit(Math.min(this.#uncredited, message.byteLength))
        return { done: false, value: message }
      }
      if (this.#ended) {
        if (this.#failure !== undefined) throw this.#failure
        if (!this.#reader.idle)
          throw new GrpcFailure('DATA_LOSS', 'the stream ended in the middle of a message', 'local')
        return { done: true, value: undefined }
      }
      this.#credit(this.#uncredited)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#turn.reset()
    }
  }

  /** Ends the call; one that still runs is cancelled at the upstream. */
  async return(): Promise<IteratorResult<InboundMessage>> {
    if (this.#ended) this.#drop()
    else this.#fail(new GrpcFailure('CANCELLED', 'the call was cancelled', 'local'))
    return { done: true, value: undefined }
  }

  /** Collects all messages, each joined, of a call that gives few. @throws GrpcFailure, or the signal's reason */
  async collect(maxBytes: number): Promise<Buffer[]> {
    const all: Buffer[] = []
    let total = 0
    for (;;) {
      const { done, value } = await this.next()
      if (done) return all
      total += value.byteLength + MESSAGE_OVERHEAD_BYTES
      if (total > maxBytes) {
        await this.return()
        throw new GrpcFailure('RESOURCE_EXHAUSTED', `the answer is above ${maxBytes} bytes`, 'local')
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
    // A response without messages may carry its status here.
    else if (fields['grpc-status'] !== undefined) this.#trailers = fields
  }

  onData(bytes: Buffer, buffer: ReceiveBuffer): void {
    this.#uncredited += bytes.byteLength
    try {
      const taken = this.#backlog.isEmpty ? this.#reader.push(bytes, buffer, this.#ready, MAX_READY) : 0
      if (taken < bytes.length) this.#backlog.add(bytes, taken)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#ready.length > 0) this.#wakeUp()
    // Whoever waits wants the rest of a message that is larger than the window.
    else if (this.#wake) this.#credit(this.#uncredited)
  }

  onEnd(): void {
    if (!this.#ended) this.#end(this.#lastFailure())
  }

  onAbort(end: StreamEnd): void {
    if (this.#ended) return
    // Trailers say how it went, whatever is said of the stream afterwards.
    this.#end(this.#trailers ? this.#lastFailure() : abortFailure(end, this.#limits))
  }

  /** Finds messages in what has waited. */
  #readBacklog(): void {
    try {
      while (this.#ready.length === 0 && !this.#backlog.isEmpty)
        this.#backlog.take(this.#reader.push(this.#backlog.peek(), undefined, this.#ready, MAX_READY))
    } catch (error) {
      this.#spoil(error)
    }
  }

  /** Whether one more message without anything in it may come; ends the call where it may not. */
  #mayBeEmpty(): boolean {
    this.#emptyMessages ??= new TokenBucket(EMPTY_MESSAGES.burst, EMPTY_MESSAGES.perSecond)
    if (this.#emptyMessages.take()) return true
    this.#spoil(new GrpcFailure('DATA_LOSS', 'the server sends empty messages without end', 'local'))
    return false
  }

  #credit(bytes: number): void {
    this.#uncredited -= bytes
    if (bytes > 0) this.#stream.credit(bytes)
  }

  /** Sends frames as fast as the upstream takes them; stops when the call has ended. */
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

  /** Ends the call from this side; what has come of it is not handed on any more. */
  #fail(failure: unknown): void {
    if (this.#ended) return
    this.#drop()
    this.#end(failure)
    this.#stream.reset()
  }

  /** What has come is no good, which may show when the server has said all. */
  #spoil(failure: unknown): void {
    this.#fail(failure)
    this.#drop()
    this.#failure ??= failure
  }

  #drop(): void {
    for (const message of this.#ready.splice(0)) message.release()
    this.#backlog.clear()
    this.#reader.drop()
  }

  #end(failure: unknown): void {
    this.#ended = true
    this.#failure = failure
    if (this.#backlog.isEmpty) this.#reader.drop()
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#onEnd()
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

/** As of an error that repeats a long text of the statement. */
function oversized({ maxHeaderBytes }: AnswerLimits): OversizedAnswer {
  return new OversizedAnswer(`headers or trailers above ${maxHeaderBytes} bytes`)
}

/** A time limit as `grpc-timeout` has it: at most eight digits, then the unit. */
function timeoutOf(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms))
  return String(whole).length <= TIMEOUT_DIGITS ? `${whole}m` : `${Math.min(99_999_999, Math.ceil(whole / 1000))}S`
}
