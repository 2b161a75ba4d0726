import type { IncomingHttpHeaders } from 'node:http2'
import type { UpstreamAddress } from './address.ts'
import type { FlightSqlConfig } from './config.ts'
import { Cookies } from './cookies.ts'
import { GrpcFailure } from './grpc-failure.ts'
import type { InboundMessage } from './message-reader.ts'
import type { Profile } from './profiles/profile.ts'
import { Transport } from './transport.ts'
import type { CallOptions, UpstreamCall } from './upstream-call.ts'

const SERVICE = '/arrow.flight.protocol.FlightService/'
const MAX_UNARY_BYTES = 64 << 20

/** What bounds a call. */
export type CallBounds = Omit<CallOptions, 'headers'>

/** A call whose first answer has come: a message, or a good end without one. */
export interface StartedCall {
  readonly first: IteratorResult<InboundMessage>
  readonly call: UpstreamCall
}

/**
 * A logged-in connection to an upstream: an HTTP/2 session with its token, its cookies and its session properties, for one
 * caller at a time.
 */
export class Connection {
  readonly openedAt = Date.now()
  readonly #transport: Transport
  readonly #config: FlightSqlConfig
  readonly #headers: Readonly<Record<string, string>>
  readonly #profile: Profile
  readonly #cookies = new Cookies()
  #authorization: string | undefined

  private constructor(transport: Transport, config: FlightSqlConfig, profile: Profile) {
    this.#transport = transport
    this.#config = config
    this.#profile = profile
    this.#headers = { ...config.headers, ...profile.sessionHeaders(config.session ?? {}) }
  }

  /**
   * Connects and logs in.
   * @throws GrpcFailure, or the signal's reason
   */
  static async open(
    address: UpstreamAddress,
    config: FlightSqlConfig,
    profile: Profile,
    signal: AbortSignal,
  ): Promise<Connection> {
    const transport = await Transport.connect(address, config, signal)
    const connection = new Connection(transport, config, profile)
    try {
      await connection.#logIn({ signal, deadlineAt: Date.now() + config.requestTimeoutMs })
      return connection
    } catch (error) {
      transport.close()
      throw error
    }
  }

  get address(): UpstreamAddress {
    return this.#transport.address
  }

  get usable(): boolean {
    return this.#transport.usable
  }

  /**
   * Starts a call and waits for its first answer. A session or a token that the upstream no longer knows is renewed once.
   * @throws GrpcFailure, or the signal's reason
   */
  async start(method: string, messages: readonly Uint8Array[], bounds: CallBounds): Promise<StartedCall> {
    try {
      return await this.#attempt(method, messages, bounds)
    } catch (error) {
      if (!(error instanceof GrpcFailure) || error.status !== 'UNAUTHENTICATED' || error.origin !== 'upstream')
        throw error
      if (this.#profile.isLostSession(error)) this.#cookies.clear()
      else await this.#logIn(bounds)
      return await this.#attempt(method, messages, bounds)
    }
  }

  /** A call with few small answers, each joined. @throws GrpcFailure, or the signal's reason */
  async collect(method: string, messages: readonly Uint8Array[], bounds: CallBounds): Promise<Buffer[]> {
    const { first, call } = await this.start(method, messages, bounds)
    if (first.done) return []
    const joined = Buffer.concat(first.value.chunks)
    return [joined, ...(await call.collect(MAX_UNARY_BYTES))]
  }

  /** A unary call. @throws GrpcFailure DATA_LOSS when there is no answer, else as `start` */
  async unary(method: string, message: Uint8Array, bounds: CallBounds): Promise<Buffer> {
    const [answer] = await this.collect(method, [message], bounds)
    if (!answer) throw new GrpcFailure('DATA_LOSS', `${method} gave no answer`, 'local')
    return answer
  }

  close(): void {
    this.#transport.close()
  }

  async #attempt(method: string, messages: readonly Uint8Array[], bounds: CallBounds): Promise<StartedCall> {
    const cookie = this.#cookies.header()
    const call = this.#transport.start(SERVICE + method, messages, {
      ...bounds,
      headers: {
        ...this.#headers,
        ...(this.#authorization !== undefined && { authorization: this.#authorization }),
        ...(cookie !== undefined && { cookie }),
      },
    })
    try {
      const first = await call.next()
      return { first, call }
    } finally {
      this.#learn(call.headers)
    }
  }

  /** Takes over what the upstream gives for the calls to come. */
  #learn(headers: IncomingHttpHeaders): void {
    this.#cookies.take(headers['set-cookie'])
    const { authorization } = headers
    if (authorization?.startsWith('Bearer ')) this.#authorization = authorization
  }

  /** Source: https://arrow.apache.org/docs/format/Flight.html (authentication); Go and C++ look in the trailers too. */
  async #logIn(bounds: CallBounds): Promise<void> {
    const { token, username, password = '' } = this.#config
    if (token !== undefined) {
      this.#authorization = `Bearer ${token}`
      return
    }
    if (username === undefined) return
    this.#authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    const deadlineAt = Math.min(bounds.deadlineAt, Date.now() + this.#config.requestTimeoutMs)
    try {
      const { call } = await this.#attempt('Handshake', [], { signal: bounds.signal, deadlineAt })
      await call.collect(MAX_UNARY_BYTES)
      this.#learn(call.trailers)
    } catch (error) {
      // A server without Handshake takes the credentials with every call.
      if (!(error instanceof GrpcFailure) || error.status !== 'UNIMPLEMENTED') throw error
    }
  }
}
