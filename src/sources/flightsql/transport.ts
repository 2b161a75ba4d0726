import { type ClientHttp2Session, connect, constants } from 'node:http2'
import type { ConnectionOptions } from 'node:tls'
import type { Frame } from '../../arrow/frame.ts'
import { formatAddress, type UpstreamAddress } from './address.ts'
import { GrpcFailure } from './grpc-failure.ts'
import { type CallOptions, UpstreamCall } from './upstream-call.ts'

/** TLS of an upstream, all of it in memory. */
export interface UpstreamTls {
  /** PEM; by default the system's authorities. */
  readonly ca?: Buffer | undefined
  readonly cert?: Buffer | undefined
  readonly key?: Buffer | undefined
  /** Name that the certificate must have, where it is not the host's. */
  readonly serverName?: string | undefined
  /** Takes any certificate. */
  readonly skipVerify: boolean
}

/** What Node wants to know of it; without a name of its own the server is to have that of its host. */
export function tlsOptions({ ca, cert, key, serverName, skipVerify }: UpstreamTls): ConnectionOptions {
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized: !skipVerify,
  }
}

/** How an upstream is talked to. */
export interface TransportOptions {
  readonly tls: UpstreamTls
  readonly connectTimeoutMs: number
  readonly maxMessageBytes: number
}

const WINDOW_BYTES = 8 << 20
/** Larger frames mean fewer of them; servers in Go, C++ and Java use what is offered. */
const MAX_FRAME_BYTES = 1 << 20
/** Dremio answers pings more often than every 120 s with GOAWAY. */
const PING_INTERVAL_MS = 150_000
const PING_TIMEOUT_MS = 20_000

/**
 * gRPC calls over one HTTP/2 session that belongs to nobody else. It pings only while calls run, and after a GOAWAY takes
 * no further ones.
 */
export class Transport {
  readonly address: UpstreamAddress
  readonly #session: ClientHttp2Session
  readonly #options: TransportOptions
  readonly #pinger: NodeJS.Timeout
  #calls = 0
  #closed: GrpcFailure | undefined

  private constructor(address: UpstreamAddress, session: ClientHttp2Session, options: TransportOptions) {
    this.address = address
    this.#session = session
    this.#options = options
    const close = (why: string, untouched: boolean) => {
      this.#closed ??= new GrpcFailure('UNAVAILABLE', why, 'local', { untouched })
    }
    session.on('goaway', (code) => {
      close(`the server sent GOAWAY (${code})`, true)
      // What runs may finish.
      session.close()
    })
    session.on('error', (error) => close(error.message, false))
    session.on('close', () => {
      close('the connection was closed', false)
      clearInterval(this.#pinger)
    })
    this.#pinger = setInterval(() => this.#ping(), PING_INTERVAL_MS)
    this.#pinger.unref()
  }

  /**
   * Connects.
   * @throws GrpcFailure UNAVAILABLE of local origin, or the signal's reason
   */
  static connect(address: UpstreamAddress, options: TransportOptions, signal: AbortSignal): Promise<Transport> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const { host, port, tls } = address
    const authority = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
    const session = connect(authority, {
      settings: { initialWindowSize: WINDOW_BYTES, maxFrameSize: MAX_FRAME_BYTES, enablePush: false },
      maxSessionMemory: 1024,
      ...(tls && tlsOptions(options.tls)),
    })
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        session.destroy()
        done()
        reject(error)
      }
      const local = (why: string, cause?: unknown) =>
        fail(new GrpcFailure('UNAVAILABLE', `${formatAddress(address)}: ${why}`, 'local', { cause, untouched: true }))
      const timer = setTimeout(
        () => local(`no connection within ${options.connectTimeoutMs} ms`),
        options.connectTimeoutMs,
      )
      const onAbort = () => fail(signal.reason)
      const onError = (error: Error) => local(error.message, error)
      const onClose = () => local('the connection was closed at once')
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        session.off('close', onClose)
        session.off('remoteSettings', onReady)
      }
      const onReady = () => {
        done()
        session.off('error', onError)
        session.setLocalWindowSize(WINDOW_BYTES)
        resolve(new Transport(address, session, options))
      }
      signal.addEventListener('abort', onAbort, { once: true })
      session.on('error', onError)
      session.once('close', onClose)
      // Settings prove that HTTP/2 is spoken; a TCP connection alone does not.
      session.once('remoteSettings', onReady)
    })
  }

  /** Whether further calls can be made. */
  get usable(): boolean {
    return this.#closed === undefined && !this.#session.closed && !this.#session.destroyed
  }

  /** Starts a call with its request messages, or with frames to upload; how it goes is told by what is answered with. */
  start(path: string, messages: readonly Uint8Array[] | AsyncIterable<Frame>, options: CallOptions): UpstreamCall {
    if (!this.usable)
      throw this.#closed ?? new GrpcFailure('UNAVAILABLE', 'the connection is closed', 'local', { untouched: true })
    this.#calls++
    const call = new UpstreamCall(this.#session, path, messages, options, this.#options.maxMessageBytes, () => {
      this.#calls--
    })
    return call
  }

  /** Ends the session; calls that run are reset. */
  close(): void {
    clearInterval(this.#pinger)
    if (this.#session.destroyed) return
    if (this.#calls === 0) this.#session.close()
    this.#session.destroy(undefined, constants.NGHTTP2_NO_ERROR)
  }

  #ping(): void {
    if (this.#calls === 0 || !this.usable) return
    const timer = setTimeout(() => this.#session.destroy(new Error('no answer to a ping')), PING_TIMEOUT_MS)
    timer.unref()
    this.#session.ping(() => clearTimeout(timer))
  }
}
