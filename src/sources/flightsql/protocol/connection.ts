import {
  Action,
  BasicAuth,
  HandshakeRequest,
  HandshakeResponse,
  Result,
  SetSessionOptionsRequest,
  SetSessionOptionsResult,
} from '../../../../gen/arrow/flight/protocol/Flight.ts'
import type { Frame } from '../../../arrow/ipc/frame.ts'
import type { UpstreamAddress } from '../../../grpc/client/address.ts'
import type { CallOptions, UpstreamCall } from '../../../grpc/client/call.ts'
import { Channel } from '../../../grpc/client/channel.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { type InboundMessage, joined } from '../../../grpc/client/message-reader.ts'
import type { HeaderFields } from '../../../http2/index.ts'
import type { Span } from '../../../query/tracing/span.ts'
import { withTrace } from '../metadata-forwarding.ts'
import type { FlightSqlConfig } from '../settings.ts'
import { bearerExpiry } from './bearer-expiry.ts'
import { Cookies } from './cookies.ts'
import type { Profile } from './profiles/profile.ts'
import { RefusedLogin } from './refused-login.ts'
import { beginUpstreamSpan, endUpstreamSpan } from './upstream-span.ts'

const SERVICE = '/arrow.flight.protocol.FlightService/'
const MAX_UNARY_BYTES = 64 << 20
/** The token is sent with every call. */
const MAX_TOKEN_BYTES = 64 << 10
/** How long before its expiry the connection renews a token, in milliseconds. */
const RENEW_BEFORE_MS = 60_000

/** Bounds of a call, and the client's metadata to forward with it. */
export interface CallBounds extends Omit<CallOptions, 'headers' | 'onEnd'> {
  readonly metadata?: Readonly<Record<string, string>>
  /** Parent of the call's span; absent if tracing is off. */
  readonly span?: Span
  /** Called with the response headers once the first response has arrived. */
  onHeaders?(headers: HeaderFields): void
}

/** A call whose first response has arrived: a message, or an OK status without one. */
export interface StartedCall {
  readonly first: IteratorResult<InboundMessage>
  readonly call: UpstreamCall
}

/**
 * A logged-in connection to an upstream: an HTTP/2 connection with its token, cookies and session properties. It serves one
 * caller at a time.
 */
export class Connection {
  readonly openedAt = Date.now()
  readonly #channel: Channel
  readonly #config: FlightSqlConfig
  readonly #headers: Readonly<Record<string, string>>
  readonly #profile: Profile
  readonly #cookies = new Cookies()
  #authorization: string | undefined
  #handshakeToken: Uint8Array | undefined
  /** Expiry of the token in Unix milliseconds; `Infinity` if unknown. */
  #expiresAt = Number.POSITIVE_INFINITY

  private constructor(channel: Channel, config: FlightSqlConfig, profile: Profile) {
    this.#channel = channel
    this.#config = config
    this.#profile = profile
    this.#headers = { ...config.headers, ...profile.sessionHeaders(config.session ?? {}) }
  }

  /**
   * Connects and logs in.
   * @param onConnected called once the connection is established, before the login
   * @throws GrpcFailure, or the signal's reason
   */
  static async open(
    address: UpstreamAddress,
    config: FlightSqlConfig,
    profile: Profile,
    signal: AbortSignal,
    onConnected?: () => void,
  ): Promise<Connection> {
    const channel = await Channel.connect(address, config, signal)
    onConnected?.()
    const connection = new Connection(channel, config, profile)
    try {
      await connection.#logIn({ signal, deadlineAt: Date.now() + config.requestTimeoutMs })
      return connection
    } catch (error) {
      channel.close()
      throw connection.#refused(error)
    }
  }

  get address(): UpstreamAddress {
    return this.#channel.address
  }

  get usable(): boolean {
    return this.#channel.usable
  }

  /** Why the connection is closed; undefined while it is usable. */
  get closedBy(): GrpcFailure | undefined {
    return this.#channel.closedBy
  }

  /** Names of the cookies that the upstream has set, including its session cookie. */
  get cookieNames(): readonly string[] {
    return this.#cookies.names
  }

  /**
   * Starts a call and waits for its first response. If the upstream rejects the session or the token, it renews them and tries
   * once more.
   * @throws GrpcFailure, or the signal's reason
   */
  async start(method: string, messages: readonly Uint8Array[], bounds: CallBounds): Promise<StartedCall> {
    await this.#renew(bounds)
    try {
      return await this.#attempt(method, messages, bounds)
    } catch (error) {
      if (!(error instanceof GrpcFailure) || error.status !== 'UNAUTHENTICATED' || error.origin !== 'upstream')
        throw error
      // UNAUTHENTICATED may also mean that the session has expired.
      this.#cookies.clear()
      try {
        if (!this.#profile.isLostSession(error)) await this.#logIn(bounds)
        return await this.#attempt(method, messages, bounds)
      } catch (again) {
        throw this.#refused(again)
      }
    }
  }

  /** Makes a call with few small response messages. @throws GrpcFailure, or the signal's reason */
  async collect(method: string, messages: readonly Uint8Array[], bounds: CallBounds): Promise<Buffer[]> {
    const { first, call } = await this.start(method, messages, bounds)
    if (first.done) return []
    return [joined(first.value), ...(await call.collect(MAX_UNARY_BYTES))]
  }

  /** Makes a unary call. @throws GrpcFailure DATA_LOSS without a response message, else as `start` */
  async unary(method: string, message: Uint8Array, bounds: CallBounds): Promise<Buffer> {
    const [answer] = await this.collect(method, [message], bounds)
    if (!answer) throw new GrpcFailure('DATA_LOSS', `${method} returned no message`, 'local')
    return answer
  }

  /**
   * Uploads frames under backpressure and waits for the response. It never retries, because the frames are consumed.
   * @throws GrpcFailure, the signal's reason, or what the frames throw
   */
  async upload(method: string, frames: AsyncIterable<Frame>, bounds: CallBounds): Promise<Buffer[]> {
    await this.#renew(bounds)
    const { first, call } = await this.#attempt(method, frames, bounds)
    return first.done ? [] : [joined(first.value), ...(await call.collect(MAX_UNARY_BYTES))]
  }

  close(): void {
    this.#channel.close()
  }

  async #attempt(
    method: string,
    messages: readonly Uint8Array[] | AsyncIterable<Frame>,
    { metadata, signal, deadlineAt, onHeaders, span }: CallBounds,
  ): Promise<StartedCall> {
    const cookie = this.#cookies.header()
    const own = span && beginUpstreamSpan(span, SERVICE + method, this.address)
    const headers = {
      ...(own && metadata ? withTrace(metadata, own, this.#config.forward) : metadata),
      ...this.#headers,
      ...(this.#authorization !== undefined && { authorization: this.#authorization }),
      ...(this.#handshakeToken && { 'auth-token-bin': Buffer.from(this.#handshakeToken).toString('base64') }),
      ...(cookie !== undefined && { cookie }),
    }
    const onEnd = own && ((failure: unknown) => endUpstreamSpan(own, failure))
    const call = this.#start(SERVICE + method, messages, { signal, deadlineAt, headers, onEnd })
    try {
      const first = await call.next()
      onHeaders?.(call.headers)
      return { first, call }
    } finally {
      this.#storeCredentials(call.headers)
    }
  }

  #start(path: string, messages: readonly Uint8Array[] | AsyncIterable<Frame>, options: CallOptions): UpstreamCall {
    try {
      return this.#channel.start(path, messages, options)
    } catch (error) {
      options.onEnd?.(error)
      throw error
    }
  }

  /** Stores the token and cookies of a response for later calls. */
  #storeCredentials(headers: HeaderFields): void {
    const { authorization, 'set-cookie': cookies } = headers
    if (Array.isArray(cookies)) this.#cookies.store(cookies)
    if (typeof authorization !== 'string' || authorization === this.#authorization) return
    if (!authorization.startsWith('Bearer ') || authorization.length > MAX_TOKEN_BYTES) return
    this.#authorization = authorization
    this.#expiresAt = bearerExpiry(authorization)
  }

  /** Logs in again shortly before the token expires. */
  async #renew(bounds: CallBounds): Promise<void> {
    if (Date.now() < this.#expiresAt - RENEW_BEFORE_MS || this.#config.username === undefined) return
    this.#expiresAt = Number.POSITIVE_INFINITY
    try {
      await this.#logIn(bounds)
    } catch (error) {
      throw this.#refused(error)
    }
  }

  /** The error, or what it means if the upstream refuses a login that stands for some callers. */
  #refused(error: unknown): unknown {
    const { standsFor } = this.#config
    if (standsFor === undefined || !(error instanceof GrpcFailure)) return error
    return error.origin === 'upstream' && error.status === 'UNAUTHENTICATED'
      ? new RefusedLogin(standsFor, error)
      : error
  }

  /** Source: https://arrow.apache.org/docs/format/Flight.html (authentication); Go and C++ also read the trailers. */
  async #logIn(bounds: CallBounds): Promise<void> {
    await this.#authenticate(bounds)
    await this.#chooseSession(bounds)
  }

  async #authenticate(bounds: CallBounds): Promise<void> {
    const { token, username, password = '' } = this.#config
    if (token !== undefined) {
      this.#authorization = `Bearer ${token}`
      return
    }
    if (username === undefined) return
    this.#authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    const deadlineAt = Math.min(bounds.deadlineAt, Date.now() + this.#config.requestTimeoutMs)
    const own = { signal: bounds.signal, deadlineAt }
    try {
      const { call } = await this.#attempt('Handshake', [], own)
      await call.collect(MAX_UNARY_BYTES)
      this.#storeCredentials(call.trailers)
    } catch (error) {
      if (!(error instanceof GrpcFailure) || error.origin === 'local' || error.status === 'UNAUTHENTICATED') throw error
      // A server without Handshake takes the credentials with each call. Others expect them in a message.
      if (error.status !== 'UNIMPLEMENTED') await this.#authenticateByMessage({ username, password }, own)
    }
  }

  /**
   * Legacy login: credentials in the first message, the token in the response; later calls send it as `auth-token-bin`.
   * Source: https://arrow.apache.org/docs/format/Flight.html (Handshake), BasicAuth of Flight.proto.
   */
  async #authenticateByMessage(credentials: BasicAuth, bounds: CallBounds): Promise<void> {
    this.#authorization = undefined
    const payload = BasicAuth.encode(credentials).finish()
    try {
      const request = HandshakeRequest.encode({ protocolVersion: 0n, payload }).finish()
      const { first, call } = await this.#attempt('Handshake', [request], bounds)
      await call.collect(MAX_UNARY_BYTES)
      if (!first.done) this.#handshakeToken = HandshakeResponse.decode(joined(first.value)).payload
    } catch (error) {
      if (!(error instanceof GrpcFailure) || error.origin === 'local') throw error
      throw new GrpcFailure('UNAUTHENTICATED', error.message, 'upstream', { cause: error })
    }
  }

  /** Source: https://arrow.apache.org/docs/format/Flight.html (SetSessionOptions). */
  async #chooseSession({ signal, deadlineAt }: CallBounds): Promise<void> {
    const wanted = Object.entries(this.#profile.sessionOptions(this.#config.session ?? {}))
    if (wanted.length === 0) return
    const sessionOptions = Object.fromEntries(
      wanted.map(([name, value]) => [name, { optionValue: { $case: 'stringValue', value } as const }]),
    )
    const body = SetSessionOptionsRequest.encode({ sessionOptions }).finish()
    const action = Action.encode({ type: 'SetSessionOptions', body }).finish()
    const { first, call } = await this.#attempt('DoAction', [action], { signal, deadlineAt })
    await call.collect(MAX_UNARY_BYTES)
    const { errors } = SetSessionOptionsResult.decode(
      first.done ? new Uint8Array(0) : Result.decode(joined(first.value)).body,
    )
    const [refused] = Object.keys(errors)
    if (refused === undefined) return
    const value = wanted.find(([name]) => name === refused)?.[1]
    throw new GrpcFailure('INVALID_ARGUMENT', `the session rejects ${refused} "${value}"`, 'upstream')
  }
}
