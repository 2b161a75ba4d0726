import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2'
import type { Frame } from '../../arrow/frame.ts'
import { failureOf, failureOfHttpStatus, GrpcFailure } from './grpc-failure.ts'
import { type InboundMessage, MessageReader } from './message-reader.ts'

/** What accompanies a call. */
export interface CallOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Unix time in milliseconds; `Infinity` for none. */
  readonly deadlineAt: number
}

const MAX_TIMER_MS = 2_147_483_647
const TIMEOUT_DIGITS = 8
const USER_AGENT = 'flightgate'

/** How the resets of a stream are to be read. Source: PROTOCOL-HTTP2.md, "Errors". */
const resets: Readonly<
  Record<number, readonly [status: 'UNAVAILABLE' | 'CANCELLED' | 'RESOURCE_EXHAUSTED', untouched: boolean]>
> = {
  [constants.NGHTTP2_REFUSED_STREAM]: ['UNAVAILABLE', true],
  [constants.NGHTTP2_CANCEL]: ['CANCELLED', false],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: ['RESOURCE_EXHAUSTED', false],
}

/**
 * One call to an upstream. Messages are pulled: while nobody asks for the next, reading stops and the upstream is held
 * back by the window.
 */
export class UpstreamCall implements AsyncIterator<InboundMessage> {
  readonly #session: ClientHttp2Session
  readonly #stream: ClientHttp2Stream
  readonly #signal: AbortSignal
  readonly #reader: MessageReader
  readonly #onEnd: () => void
  readonly #ready: InboundMessage[] = []
  readonly #timer: NodeJS.Timeout | undefined
  /** Resets an upload: closing its stream would send the end of the request first, and what came so far would count as all. */
  readonly #uploadAbort: AbortController | undefined
  #wake: (() => void) | undefined
  #headers: IncomingHttpHeaders = {}
  #trailers: IncomingHttpHeaders | undefined
  #ended = false
  #failure: unknown

  constructor(
    session: ClientHttp2Session,
    path: string,
    messages: readonly Uint8Array[] | AsyncIterable<Frame>,
    options: CallOptions,
    maxMessageBytes: number,
    onEnd: () => void,
  ) {
    const { headers, signal, deadlineAt } = options
    this.#session = session
    this.#signal = signal
    this.#onEnd = onEnd
    this.#reader = new MessageReader(maxMessageBytes)
    const leftMs = deadlineAt - Date.now()
    const fields = {
      ...headers,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': USER_AGENT,
      'grpc-accept-encoding': 'identity',
      ...(Number.isFinite(leftMs) && { 'grpc-timeout': timeoutOf(leftMs) }),
    }
    if (Symbol.asyncIterator in messages) {
      this.#uploadAbort = new AbortController()
      this.#stream = session.request(fields, { signal: this.#uploadAbort.signal })
    } else this.#stream = session.request(fields)
    this.#listen()
    if (leftMs < MAX_TIMER_MS)
      this.#timer = setTimeout(
        () => this.#fail(new GrpcFailure('DEADLINE_EXCEEDED', 'the deadline has passed', 'local')),
        Math.max(0, leftMs),
      )
    signal.addEventListener('abort', this.#onAbort, { once: true })
    if (signal.aborted) this.#onAbort()
    if (Symbol.asyncIterator in messages) {
      void this.#upload(messages)
      return
    }
    const framed = messages.map((message) => Buffer.concat([prefixOf(message.byteLength), message]))
    for (const message of framed.slice(0, -1)) this.#stream.write(message)
    this.#stream.end(framed.at(-1))
  }

  /** The initial metadata; complete once a message or the end has come. */
  get headers(): IncomingHttpHeaders {
    return this.#headers
  }

  get trailers(): IncomingHttpHeaders {
    return this.#trailers ?? {}
  }

  /** The next message, its buffers as they came. @throws GrpcFailure, or the signal's reason */
  async next(): Promise<IteratorResult<InboundMessage>> {
    for (;;) {
      const message = this.#ready.shift()
      if (message) return { done: false, value: message }
      if (this.#ended) {
        if (this.#failure !== undefined) throw this.#failure
        return { done: true, value: undefined }
      }
      this.#stream.resume()
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
      all.push(value.chunks.length === 1 ? value.chunks[0]! : Buffer.concat(value.chunks))
    }
  }

  /** Sends frames as fast as the upstream takes them; stops when the call has ended. */
  async #upload(frames: AsyncIterable<Frame>): Promise<void> {
    try {
      for await (const { byteLength, chunks } of frames) {
        if (this.#ended) return
        this.#stream.cork()
        this.#stream.write(prefixOf(byteLength))
        let room = true
        for (const chunk of chunks) room = this.#stream.write(chunk)
        this.#stream.uncork()
        if (!room) await this.#drained()
      }
      if (!this.#ended) this.#stream.end()
    } catch (error) {
      this.#fail(error)
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#stream.off('drain', done)
        this.#stream.off('close', done)
        resolve()
      }
      this.#stream.once('drain', done)
      this.#stream.once('close', done)
      if (this.#stream.destroyed) done()
    })
  }

  #listen(): void {
    const stream = this.#stream
    stream.pause()
    stream.on('response', (headers) => {
      this.#headers = headers
      const status = Number(headers[':status'])
      if (status !== 200 && headers['grpc-status'] === undefined) this.#fail(failureOfHttpStatus(status))
      // A response without messages may carry its status here.
      else if (headers['grpc-status'] !== undefined) this.#trailers ??= headers
    })
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers
    })
    stream.on('data', (chunk: Buffer) => {
      try {
        this.#ready.push(...this.#reader.push(chunk))
      } catch (error) {
        this.#fail(error)
        return
      }
      if (this.#ready.length > 0) stream.pause()
      this.#wakeUp()
    })
    stream.on('end', () => {
      if (this.#trailers !== undefined) this.#end(this.#lastFailure())
    })
    stream.on('error', () => {})
    stream.on('close', () => {
      if (this.#ended) return
      if (this.#trailers !== undefined) this.#end(this.#lastFailure())
      else this.#end(this.#resetFailure())
    })
  }

  #lastFailure(): GrpcFailure | undefined {
    const { ':status': _, ...trailers } = this.#trailers!
    const failure = failureOf(trailers)
    if (failure || this.#reader.idle) return failure
    return new GrpcFailure('DATA_LOSS', 'the stream ended in the middle of a message', 'local')
  }

  #resetFailure(): GrpcFailure {
    const code = this.#stream.rstCode
    // Node ends the streams of a connection that is lost with the code of a cancel, which nobody has sent.
    const lost = code === constants.NGHTTP2_NO_ERROR || (code === constants.NGHTTP2_CANCEL && this.#session.destroyed)
    const [status, untouched] = (!lost && resets[code]) || (['UNAVAILABLE', false] as const)
    const why = lost ? 'the connection was lost' : `the stream was reset (HTTP/2 code ${code})`
    return new GrpcFailure(status, why, 'local', { untouched })
  }

  readonly #onAbort = (): void => this.#fail(this.#signal.reason)

  #fail(failure: unknown): void {
    if (this.#ended) return
    this.#ready.length = 0
    this.#end(failure)
    if (this.#uploadAbort && !this.#stream.writableEnded) this.#uploadAbort.abort()
    else this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  #end(failure: unknown): void {
    this.#ended = true
    this.#failure = failure
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

/** What stands before a message of this size. Source: PROTOCOL-HTTP2.md, "Length-Prefixed-Message". */
function prefixOf(byteLength: number): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(byteLength, 1)
  return prefix
}

/** A time limit as `grpc-timeout` has it: at most eight digits, then the unit. */
function timeoutOf(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms))
  return String(whole).length <= TIMEOUT_DIGITS ? `${whole}m` : `${Math.min(99_999_999, Math.ceil(whole / 1000))}S`
}
