import type { Frame } from '../../arrow/frame.ts'
import type { Http2Client } from '../../http2/client.ts'
import type { ClientStream, ResponseListener, StreamEnd } from '../../http2/client-stream.ts'
import type { HeaderFields } from '../../http2/header-decoder.ts'
import { encodeHeaders } from '../../http2/header-encoder.ts'
import { prefixOf } from '../../http2/message-prefix.ts'
import { ErrorCode } from '../../http2/protocol.ts'
import type { ReceiveBuffer } from '../../http2/receive-buffers.ts'
import { failureOf, failureOfHttpStatus, GrpcFailure } from './grpc-failure.ts'
import { type InboundMessage, joined, MessageReader } from './message-reader.ts'

/** What accompanies a call. */
export interface CallOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Unix time in milliseconds; `Infinity` for none. */
  readonly deadlineAt: number
}

const MAX_TIMER_MS = 2_147_483_647
const TIMEOUT_DIGITS = 8

/** How the resets of a stream are to be read. Source: PROTOCOL-HTTP2.md, "Errors". */
const resets: Readonly<
  Record<number, readonly [status: 'UNAVAILABLE' | 'CANCELLED' | 'RESOURCE_EXHAUSTED', untouched: boolean]>
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
  readonly #onEnd: () => void
  readonly #ready: InboundMessage[] = []
  readonly #timer: NodeJS.Timeout | undefined
  #wake: (() => void) | undefined
  #headers: HeaderFields = {}
  #trailers: HeaderFields | undefined
  /** Bytes received and not yet given back to the window. */
  #uncredited = 0
  #ended = false
  #failure: unknown

  /** @param common header block of what is the same in all calls of the method, pseudo-fields among it */
  constructor(
    client: Http2Client,
    common: Buffer,
    messages: readonly Uint8Array[] | AsyncIterable<Frame>,
    options: CallOptions,
    maxMessageBytes: number,
    onEnd: () => void,
  ) {
    const { headers, signal, deadlineAt } = options
    this.#signal = signal
    this.#onEnd = onEnd
    this.#reader = new MessageReader(maxMessageBytes)
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
      const message = this.#ready.shift()
      if (message) {
        this.#credit(Math.min(this.#uncredited, message.byteLength))
        return { done: false, value: message }
      }
      if (this.#ended) {
        if (this.#failure !== undefined) throw this.#failure
        return { done: true, value: undefined }
      }
      this.#credit(this.#uncredited)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Ends the call; one that still runs is cancelled at the upstream. */
  async return(): Promise<IteratorResult<InboundMessage>> {
    if (!this.#ended) this.#fail(new GrpcFailure('CANCELLED', 'the call was cancelled', 'local'))
    return { done: true, value: undefined }
  }

  /** Collects all messages, each joined, of a call that gives few. @throws GrpcFailure, or the signal's reason */
  async collect(maxBytes: number): Promise<Buffer[]> {
    const all: Buffer[] = []
    let total = 0
    for (;;) {
      const { done, value } = await this.next()
      if (done) return all
      total += value.byteLength
      if (total > maxBytes) {
        await this.return()
        throw new GrpcFailure('RESOURCE_EXHAUSTED', `the answer is above ${maxBytes} bytes`, 'local')
      }
      all.push(joined(value))
    }
  }

  onHeaders(fields: HeaderFields): void {
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
      this.#ready.push(...this.#reader.push(bytes, buffer))
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
    this.#end(this.#trailers ? this.#lastFailure() : abortFailure(end))
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
    const failure = failureOf(trailers)
    if (failure || this.#reader.idle) return failure
    return new GrpcFailure('DATA_LOSS', 'the stream ended in the middle of a message', 'local')
  }

  readonly #onAbort = (): void => this.#fail(this.#signal.reason)

  #fail(failure: unknown): void {
    if (this.#ended) return
    for (const message of this.#ready.splice(0)) message.release()
    this.#end(failure)
    this.#stream.reset()
  }

  #end(failure: unknown): void {
    this.#ended = true
    this.#failure = failure
    this.#reader.drop()
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

function abortFailure(end: StreamEnd): GrpcFailure {
  if (end.kind === 'lost')
    return new GrpcFailure('UNAVAILABLE', 'the connection was lost', 'local', { untouched: end.untouched })
  const [status, untouched] = resets[end.code] ?? (['UNAVAILABLE', false] as const)
  return new GrpcFailure(status, `the stream was reset (HTTP/2 code ${end.code})`, 'local', { untouched })
}

/** A time limit as `grpc-timeout` has it: at most eight digits, then the unit. */
function timeoutOf(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms))
  return String(whole).length <= TIMEOUT_DIGITS ? `${whole}m` : `${Math.min(99_999_999, Math.ceil(whole / 1000))}S`
}
