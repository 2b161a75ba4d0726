import type { ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import { GatewayError } from '../../../query/errors.ts'
import type { HttpCall } from '../call/http-call.ts'
import { Compressor, type Encoding } from './compressor.ts'

/** An answer that begins small waits this long for its end, in milliseconds: then it goes out as a whole, with its length. */
const HOLD_MS = 5
/** Answers up to this size are not compressed. */
const HOLD_BYTES = 1024

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number
  /** Called when the answer begins: what it tells of its statement is not known before. */
  readonly headers: () => Readonly<Record<string, string>>
  /** Content encoding, unless the answer is tiny. */
  readonly encoding: Encoding | undefined
}

/**
 * Writes an answer piece by piece under the client's backpressure: a write ends when the socket has taken its bytes, so that
 * nothing is produced ahead of the client. Nothing is sent before the first piece, so that an error until then has its status.
 */
export class AnswerWriter {
  readonly #response: ServerResponse
  readonly #call: HttpCall
  readonly #head: AnswerHead
  readonly #stallTimeoutMs: number
  #held: Buffer[] = []
  #heldBytes = 0
  #holdTimer: NodeJS.Timeout | undefined
  #starting: Promise<void> | undefined
  #compressor: Compressor | undefined
  /** Whether bytes wait for the client; also after a wait that was given up. */
  #isWaiting = false

  constructor(response: ServerResponse, call: HttpCall, head: AnswerHead, stallTimeoutMs: number) {
    this.#response = response
    this.#call = call
    this.#head = head
    this.#stallTimeoutMs = stallTimeoutMs
  }

  /** Whether the client has got the status: errors can no longer change it. */
  get hasStarted(): boolean {
    return this.#starting !== undefined
  }

  /**
   * Writes one piece and waits until the socket has taken it. The memory may be reused afterwards.
   * @throws GatewayError why the call has failed, such as STALLED or CANCELLED
   */
  async write(...chunks: readonly Uint8Array[]): Promise<void> {
    this.#call.signal.throwIfAborted()
    if (this.#hold(chunks)) return
    await this.#start()
    await this.#send(chunks)
  }

  /** Ends the answer, and waits until the socket has taken it. @throws GatewayError as `write` */
  async end(...chunks: readonly Uint8Array[]): Promise<void> {
    this.#call.signal.throwIfAborted()
    if (this.#hold(chunks)) {
      clearTimeout(this.#holdTimer)
      this.#starting = Promise.resolve()
      this.#watch()
      this.#writeHead({ 'content-length': String(this.#heldBytes) })
      await this.#taken((done) => this.#response.end(Buffer.concat(this.#held), done))
      return
    }
    await this.#start()
    await this.#send(chunks)
    if (this.#compressor) await this.#sendPlain(await this.#compressor.finish())
    await this.#taken((done) => this.#response.end(done))
    this.#compressor?.destroy()
  }

  /** Gives up an answer of which nothing has been sent. */
  drop(): void {
    clearTimeout(this.#holdTimer)
    this.#starting = Promise.resolve()
  }

  /**
   * Cuts the connection, so that the client cannot take the answer for complete. Before, it sends what tells of the error, if the
   * client still reads.
   */
  async cut(...chunks: readonly Uint8Array[]): Promise<void> {
    clearTimeout(this.#holdTimer)
    const { socket } = this.#call
    if (!this.#isWaiting && !this.#response.destroyed && chunks.length > 0)
      await Promise.race([this.#send(chunks).catch(() => {}), elapsed(CUT_MS)])
    this.#compressor?.destroy()
    // The end of a connection is the end of an answer in HTTP/1.0, so only a reset tells of the error; over TLS, that the end of
    // TLS is missing.
    if (this.#response.chunkedEncoding || socket instanceof TLSSocket) this.#response.destroy()
    else socket.resetAndDestroy()
  }

  #hold(chunks: readonly Uint8Array[]): boolean {
    if (this.#starting) return false
    const byteLength = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    if (this.#heldBytes + byteLength > HOLD_BYTES) return false
    for (const chunk of chunks) this.#held.push(Buffer.from(chunk))
    this.#heldBytes += byteLength
    this.#holdTimer ??= setTimeout(() => this.#start().catch(() => {}), HOLD_MS)
    return true
  }

  /** Sends the head and what is held. */
  #start(): Promise<void> {
    this.#starting ??= this.#begin()
    return this.#starting
  }

  async #begin(): Promise<void> {
    clearTimeout(this.#holdTimer)
    const { encoding } = this.#head
    this.#watch()
    if (encoding) this.#compressor = new Compressor(encoding)
    this.#writeHead(encoding ? { 'content-encoding': encoding } : {})
    if (this.#heldBytes > 0) await this.#send(this.#held)
    this.#held = []
  }

  #writeHead(more: Readonly<Record<string, string>>): void {
    this.#response.writeHead(this.#head.status, { ...this.#head.headers(), ...more })
  }

  async #send(chunks: readonly Uint8Array[]): Promise<void> {
    if (!this.#compressor) return await this.#sendPlain(chunks)
    for await (const part of this.#compressor.push(chunks)) await this.#sendPlain(part)
  }

  async #sendPlain(chunks: readonly Uint8Array[]): Promise<void> {
    const filled = chunks.filter(({ byteLength }) => byteLength > 0)
    const last = filled.pop()
    if (!last) return
    await this.#taken((done) => {
      this.#response.cork()
      for (const chunk of filled) this.#response.write(chunk)
      this.#response.write(last, done)
      this.#response.uncork()
    })
  }

  /** Waits until the socket has taken what `send` passes to it, or the call has failed. */
  async #taken(send: (done: (error?: Error | null) => void) => void): Promise<void> {
    const { signal } = this.#call
    this.#isWaiting = true
    let onAbort = () => {}
    let timer: NodeJS.Timeout | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        const giveUp = () => {
          // Before the memory of what is being written is used again.
          this.#response.destroy()
          reject(signal.reason)
        }
        onAbort = () => {
          if (this.#call.error?.code === 'STALLED' || this.#call.socket.destroyed) giveUp()
          else timer = setTimeout(giveUp, CUT_MS)
        }
        signal.addEventListener('abort', onAbort)
        send((error) => (error ? reject(signal.reason ?? gone()) : resolve()))
      })
      this.#isWaiting = false
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Fails the call when the socket makes no progress. Node.js restarts the time with each part that the socket takes. */
  #watch(): void {
    this.#response.setTimeout(this.#stallTimeoutMs, () => {
      if (!this.#isWaiting) return
      const seconds = this.#stallTimeoutMs / 1000
      this.#call.fail(new GatewayError('STALLED', `The client took no data for ${seconds} s (limits.stallTimeoutMs).`))
    })
  }
}

/** Time for the last bytes before a connection is cut, in milliseconds. */
const CUT_MS = 1000

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}

function gone(): GatewayError {
  return new GatewayError('CANCELLED', 'The client closed the connection.')
}
