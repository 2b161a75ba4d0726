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
import type { FlightSqlConfig } from '../settings.ts'
import { bearerExpiry } from './bearer-expiry.ts'
import { Cookies } from './cookies.ts'
import type { Profile } from './profiles/profile.ts'

const SERVICE = '/arrow.flight.protocol.FlightService/'
const MAX_UNARY_BYTES = 64 << 20
/** It goes along with every call. */
const MAX_TOKEN_BYTES = 64 << 10
/** How long before its end a token is renewed. */
const RENEW_BEFORE_MS = 60_000

/** What bounds a call, and what of the client's metadata goes with it. */
export interface CallBounds extends Omit<CallOptions, 'headers'> {
  readonly metadata?: Readonly<Record<string, string>>
  /** Told the initial metadata of an answer that came. */
  onHeaders?(headers: HeaderFields): void
}

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
  readonly #transport: Channel
  readonly #config: FlightSqlConfig
  readonly #headers: Readonly<Record<string, string>>
  readonly #profile: Profile
  readonly #cookies = new Cookies()
  #authorization: string | undefined
  #tokenOfMessage: Uint8Array | undefined
  /** When the token ends, in Unix milliseconds, as far as it tells. */
  #expiresAt = Number.POSITIVE_INFINITY

  private constructor(transport: Channel, config: FlightSqlConfig, profile: Profile) {
    this.#transport = transport
    this.#config = config
    this.#profile = profile
    this.#headers = { ...config.headers, ...profile.sessionHeaders(config.session ?? {}) }
  }

  /**
   * Connects and logs in.
   * @param onConnected called when the server has been reached, before the login
   * @throws GrpcFailure, or the signal's reason
   */
  static async open(
    address: UpstreamAddress,
    config: FlightSqlConfig,
    profile: Profile,
    signal: AbortSignal,
    onConnected?: () => void,
  ): Promise<Connection> {
    const transport = await Channel.connect(address, config, signal)
    onConnected?.()
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

  /** Why it is not usable, if it is not. */
  get closedBy(): GrpcFailure | undefined {
    return this.#transport.closedBy
  }

  /** Names of the cookies that the upstream has set, its session's among them. */
  get cookieNames(): readonly string[] {
    return this.#cookies.names
  }

  /**
   * Starts a call and waits for its first answer. A session or a token that the upstream no longer knows is renewed once.
   * @throws GrpcFailure, or the signal's reason
   */
  async start(method: string, messages: readonly Uint8Array[], bounds: CallBounds): Promise<StartedCall> {
    await this.#renew(bounds)
    try {
      return await this.#attempt(method, messages, bounds)
    } catch (error) {
      if (!(error instanceof GrpcFailure) || error.status !== 'UNAUTHENTICATED' || error.origin !== 'upstream')
        throw error
      // A server may mean the session where it speaks of the login.
      this.#cookies.clear()
      if (!this.#profile.isLostSession(error)) await this.#logIn(bounds)
      return await this.#attempt(method, messages, bounds)
    }
  }

  /** A call with few small answers, each joined. @throws GrpcFailure, or the signal's reason */
  async collect(method: string, messages: readonly Uint8Array[], bounds: CallBounds): Promise<Buffer[]> {
    const { first, call } = await this.start(method, messages, bounds)
    if (first.done) return []
    return [joined(first.value), ...(await call.collect(MAX_UNARY_BYTES))]
  }

  /** A unary call. @throws GrpcFailure DATA_LOSS when there is no answer, else as `start` */
  async unary(method: string, message: Uint8Array, bounds: CallBounds): Promise<Buffer> {
    const [answer] = await this.collect(method, [message], bounds)
    if (!answer) throw new GrpcFailure('DATA_LOSS', `${method} gave no answer`, 'local')
    return answer
  }

  /**
   * Uploads frames as the upstream takes them, and waits for its last word. Not tried again: the frames are gone.
   * @throws GrpcFailure, the signal's reason, or what the frames throw
   */
  async upload(method: string, frames: AsyncIterable<Frame>, bounds: CallBounds): Promise<Buffer[]> {
    await this.#renew(bounds)
    const { first, call } = await this.#attempt(method, frames, bounds)
    return first.done ? [] : [joined(first.value), ...(await call.collect(MAX_UNARY_BYTES))]
  }

  close(): void {
    this.#transport.close()
  }

  async #attempt(
    method: string,
    messages: readonly Uint8Array[] | AsyncIterable<Frame>,
    { metadata, signal, deadlineAt, onHeaders }: CallBounds,
  ): Promise<StartedCall> {
    const cookie = this.#cookies.header()
    const call = this.#transport.start(SERVICE + method, messages, {
      signal,
      deadlineAt,
      headers: {
        ...metadata,
        ...this.#headers,
        ...(this.#authorization !== undefined && { authorization: this.#authorization }),
        ...(this.#tokenOfMessage && { 'auth-token-bin': Buffer.from(this.#tokenOfMessage).toString('base64') }),
        ...(cookie !== undefined && { cookie }),
      },
    })
    try {
      const first = await call.next()
      onHeaders?.(call.headers)
      return { first, call }
    } finally {
      this.#learn(call.headers)
    }
  }

  /** Takes over what the upstream gives for the calls to come. */
  #learn(headers: HeaderFields): void {
    const { authorization, 'set-cookie': cookies } = headers
    if (Array.isArray(cookies)) this.#cookies.take(cookies)
    if (typeof authorization !== 'string' || authorization === this.#authorization) return
    if (!authorization.startsWith('Bearer ') || authorization.length > MAX_TOKEN_BYTES) return
    this.#authorization = authorization
    this.#expiresAt = bearerExpiry(authorization)
  }

  /** Logs in again when the token is about to end. */
  async #renew(bounds: CallBounds): Promise<void> {
    if (Date.now() < this.#expiresAt - RENEW_BEFORE_MS || this.#config.username === undefined) return
    this.#expiresAt = Number.POSITIVE_INFINITY
    await this.#logIn(bounds)
  }

  /** Source: https://arrow.apache.org/docs/format/Flight.html (authentication); Go and C++ look in the trailers too. */
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
      this.#learn(call.trailers)
    } catch (error) {
      if (!(error instanceof GrpcFailure) || error.origin === 'local' || error.status === 'UNAUTHENTICATED') throw error
      // A server without Handshake takes the credentials with every call; others want them in a message.
      if (error.status !== 'UNIMPLEMENTED') await this.#authenticateByMessage({ username, password }, own)
    }
  }

  /**
   * The login of old: credentials in the first message, the token in the answer and from then on in `auth-token-bin`.
   * Source: https://arrow.apache.org/docs/format/Flight.html (Handshake), BasicAuth of Flight.proto.
   */
  async #authenticateByMessage(credentials: BasicAuth, bounds: CallBounds): Promise<void> {
    this.#authorization = undefined
    const payload = BasicAuth.encode(credentials).finish()
    try {
      const request = HandshakeRequest.encode({ protocolVersion: 0n, payload }).finish()
      const { first, call } = await this.#attempt('Handshake', [request], bounds)
      await call.collect(MAX_UNARY_BYTES)
      if (!first.done) this.#tokenOfMessage = HandshakeResponse.decode(joined(first.value)).payload
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
    throw new GrpcFailure('INVALID_ARGUMENT', `the session takes no ${refused} "${value}"`, 'upstream')
  }
}
