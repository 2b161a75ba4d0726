import type { ConnectionOptions } from 'node:tls'
import type { Frame } from '../../arrow/ipc/frame.ts'
import { connectHttp2, encodeHeaders, type Http2Client } from '../../http2/index.ts'
import { formatAddress, type UpstreamAddress } from './address.ts'
import { type CallOptions, UpstreamCall } from './call.ts'
import { GrpcFailure, TurnedAway } from './failure.ts'

/** TLS settings of an upstream, with the contents of the files. */
export interface UpstreamTls {
  /** PEM; by default the system's CA certificates. */
  readonly ca?: Buffer | undefined
  readonly cert?: Buffer | undefined
  readonly key?: Buffer | undefined
  /** Name that the certificate must have, if not the host's. */
  readonly serverName?: string | undefined
  /** Accepts any certificate. */
  readonly skipVerify: boolean
}

/** TLS options for Node; without `serverName` the certificate must match the host. */
export function tlsOptions({ ca, cert, key, serverName, skipVerify }: UpstreamTls): ConnectionOptions {
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized: !skipVerify,
  }
}

/** Settings of a channel to an upstream. */
export interface ChannelOptions {
  readonly tls: UpstreamTls
  readonly connectTimeoutMs: number
  readonly maxMessageBytes: number
  /** Receive window of each call, in bytes: what the server may send ahead of the reader. Default: 8 MiB. */
  readonly windowBytes?: number
  /** Whether calls have the gateway's own user agent; by default true. Otherwise their own headers tell one. */
  readonly hasUserAgent?: boolean
}

/**
 * Limit of a response's headers or trailers. Servers echo input such as a long name, so an error may be as long as its statement.
 * Decoding more would block the event loop for more than 20 ms.
 */
const MAX_HEADER_BYTES = 512 << 10

const WINDOW_BYTES = 8 << 20
const http2Options = {
  /** Larger frames mean fewer of them; servers in Go, C++ and Java use the announced size. */
  maxFrameBytes: 1 << 20,
  maxHeaderListBytes: MAX_HEADER_BYTES,
  maxHeaderBlockBytes: MAX_HEADER_BYTES + (64 << 10),
}
const USER_AGENT = 'flightgate'
/** Dremio sends GOAWAY to clients that ping more often than every 120 s. */
const PING_INTERVAL_MS = 150_000
const PING_TIMEOUT_MS = 20_000

/**
 * gRPC calls over one HTTP/2 connection of its own. It sends keepalive PINGs only while calls run, and accepts no calls after a
 * GOAWAY.
 */
export class Channel {
  readonly address: UpstreamAddress
  readonly #client: Http2Client
  readonly #authority: string
  /** Encoded headers that all calls of a method share, by path. */
  readonly #headers = new Map<string, Buffer>()
  readonly #options: ChannelOptions
  readonly #pinger: NodeJS.Timeout
  #calls = 0
  #closed: GrpcFailure | undefined

  private constructor(address: UpstreamAddress, client: Http2Client, options: ChannelOptions) {
    this.address = address
    this.#client = client
    this.#options = options
    const { host, port } = address
    const name = (address.tls && options.tls.serverName) || host
    this.#authority = `${name.includes(':') ? `[${name}]` : name}:${port}`
    this.#pinger = setInterval(() => this.#ping(), PING_INTERVAL_MS)
    this.#pinger.unref()
  }

  /**
   * Connects and waits for the server's SETTINGS.
   * @throws GrpcFailure UNAVAILABLE of local origin, or the signal's reason
   */
  static connect(address: UpstreamAddress, options: ChannelOptions, signal: AbortSignal): Promise<Channel> {
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      let transport: Channel | undefined
      const fail = (error: unknown) => {
        done()
        reject(error)
        client.destroy()
      }
      const local = (why: string, cause?: unknown) =>
        fail(
          new GrpcFailure('UNAVAILABLE', `${formatAddress(address)}: ${why}`, 'local', { cause, notProcessed: true }),
        )
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = () => fail(signal.reason)
      const { host, port } = address
      const tls = address.tls ? tlsOptions(options.tls) : undefined
      const limits = { ...http2Options, windowBytes: options.windowBytes ?? WINDOW_BYTES }
      const client = connectHttp2({ host, port, tls }, limits, {
        // SETTINGS prove that the server speaks HTTP/2; a TCP connection alone does not.
        onReady: () => {
          done()
          transport = new Channel(address, client, options)
          resolve(transport)
        },
        onGoaway: (code) => {
          if (transport) transport.#close(new TurnedAway(`the server sent GOAWAY (${code})`))
        },
        onClose: (error) => {
          if (transport) transport.#close(closedFailure(error?.message))
          else local(error?.message || 'the connection was closed at once', error)
        },
      })
      const timer = setTimeout(
        () => local(`no connection within ${options.connectTimeoutMs} ms`),
        options.connectTimeoutMs,
      )
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Whether the channel accepts calls. */
  get usable(): boolean {
    return this.#closed === undefined && this.#client.usable
  }

  /** Whether the server's stream limit allows one more call. */
  get hasRoom(): boolean {
    return this.#client.hasRoom
  }

  /** Number of calls that run. */
  get calls(): number {
    return this.#calls
  }

  /** Why the channel accepts no more calls; undefined while it does. */
  get closedBy(): GrpcFailure | undefined {
    return this.#closed
  }

  /**
   * Starts a call with its request messages, or with frames to upload. The returned call reports how it ends.
   * @throws GrpcFailure UNAVAILABLE when the channel accepts no calls or the server's stream limit is reached
   */
  start(path: string, messages: readonly Uint8Array[] | AsyncIterable<Frame>, options: CallOptions): UpstreamCall {
    if (!this.usable)
      throw this.#closed ?? new GrpcFailure('UNAVAILABLE', 'the connection is closed', 'local', { notProcessed: true })
    if (!this.#client.hasRoom)
      throw new GrpcFailure('UNAVAILABLE', 'the server accepts no more calls on this connection', 'local', {
        notProcessed: true,
      })
    const call = new UpstreamCall(
      this.#client,
      this.#headersOf(path),
      messages,
      options,
      { maxMessageBytes: this.#options.maxMessageBytes, maxHeaderBytes: MAX_HEADER_BYTES },
      (failure) => {
        this.#calls--
        options.onEnd?.(failure)
      },
    )
    this.#calls++
    return call
  }

  #headersOf(path: string): Buffer {
    let block = this.#headers.get(path)
    if (!block) {
      block = encodeHeaders([
        [':method', 'POST'],
        [':scheme', this.address.tls ? 'https' : 'http'],
        [':path', path],
        [':authority', this.#authority],
        ['content-type', 'application/grpc'],
        ['te', 'trailers'],
        ...(this.#options.hasUserAgent === false ? [] : ([['user-agent', USER_AGENT]] as const)),
        ['grpc-accept-encoding', 'identity'],
      ])
      this.#headers.set(path, block)
    }
    return block
  }

  /** Ends the connection; running calls fail. */
  close(): void {
    this.#close(closedFailure())
    this.#client.destroy()
  }

  #close(why: GrpcFailure): void {
    clearInterval(this.#pinger)
    this.#closed ??= why
  }

  #ping(): void {
    if (this.#calls === 0 || !this.usable) return
    const timer = setTimeout(() => this.#client.destroy(), PING_TIMEOUT_MS)
    timer.unref()
    this.#client.ping(() => clearTimeout(timer))
  }
}

function closedFailure(why = 'the connection was closed'): GrpcFailure {
  return new GrpcFailure('UNAVAILABLE', why, 'local')
}
