import type { Configuration } from 'openid-client'
import { GatewayError } from '../../query/errors.ts'
import { type Sealer, SealKind } from '../../query/seal/sealer.ts'
import type { Logger } from '../../query/types.ts'
import type { Identity } from '../identity.ts'

/** Settings of the console's login; `docs/configuration.md`, `console.oidc`, explains each. */
export interface ConsoleLoginSettings {
  /** Name of the issuer in `auth.oidc`. */
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: string | undefined
  readonly publicUrl: string
  readonly scopes: string
}

/** Dependencies of `ConsoleLogin`. */
export interface ConsoleLoginDependencies {
  readonly sealer: Sealer
  readonly log: Logger
  /** The identity of an ID token for a client of the issuer. Rejects with a GatewayError. */
  readonly identify: (idToken: string, clientId: string) => Promise<Identity>
}

/** A login that has begun: where the browser goes, and what it brings back in a cookie. */
export interface BegunLogin {
  readonly url: string
  readonly ticket: string
}

/** Why a login has failed, for the person who logs in. */
export interface LoginFailure {
  /** Code of the error table. */
  readonly code: string
  readonly message: string
  readonly requestId: string
}

/** How long the page has to ask why a login has failed, in milliseconds. */
export const FAILURE_MS = 60_000
/** Longest text about a failed login, in characters: it goes into a cookie. */
const MAX_MESSAGE_CHARACTERS = 500

/** How long somebody may take at the issuer, in milliseconds. */
export const LOGIN_MS = 10 * 60_000
/** Time limit of a request to the issuer, in seconds. */
const TIMEOUT_S = 10
/** Logins that may wait for the issuer at the same time. */
const MAX_WAITING = 20

/** Names of what the client throws when a request has no answer. */
const unanswered: ReadonlySet<string> = new Set(['TimeoutError', 'AbortError', 'TypeError'])

interface Checks {
  readonly verifier: string
  readonly state: string
  readonly nonce: string
}

/** Login at an OpenID Connect issuer for people in a browser: authorization code flow with PKCE, state and nonce. */
export class ConsoleLogin {
  readonly #settings: ConsoleLoginSettings
  readonly #deps: ConsoleLoginDependencies
  #configuration: Promise<Configuration> | undefined
  #waiting = 0

  constructor(settings: ConsoleLoginSettings, deps: ConsoleLoginDependencies) {
    this.#settings = settings
    this.#deps = deps
  }

  /** Name of the issuer. */
  get name(): string {
    return this.#settings.name
  }

  /** Begins a login. @throws GatewayError ISSUER_UNAVAILABLE */
  async begin(): Promise<BegunLogin> {
    return await this.#limited(async () => {
      const client = await import('openid-client')
      const checks: Checks = {
        verifier: client.randomPKCECodeVerifier(),
        state: client.randomState(),
        nonce: client.randomNonce(),
      }
      const url = client.buildAuthorizationUrl(await this.#discovered(), {
        redirect_uri: this.#redirectUri,
        scope: this.#settings.scopes,
        code_challenge: await client.calculatePKCECodeChallenge(checks.verifier),
        code_challenge_method: 'S256',
        state: checks.state,
        nonce: checks.nonce,
      })
      const payload = Buffer.from(JSON.stringify(checks))
      const ticket = this.#deps.sealer.seal(SealKind.login, '', Date.now() + LOGIN_MS, payload).toString('base64url')
      return { url: url.href, ticket }
    })
  }

  /**
   * Ends a login.
   * @param query what the issuer sends back by the browser: the query string of the callback
   * @param ticket what `begin` has put into the cookie of this browser
   * @throws GatewayError UNAUTHENTICATED, FORBIDDEN, ISSUER_UNAVAILABLE
   */
  async finish(query: string, ticket: string | undefined): Promise<Identity> {
    const { verifier, state, nonce } = this.#checksOf(ticket)
    return await this.#limited(async () => {
      const client = await import('openid-client')
      const current = new URL(`${this.#redirectUri}?${query}`)
      const tokens = await client.authorizationCodeGrant(await this.#discovered(), current, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      })
      return await this.#deps.identify(tokens.id_token!, this.#settings.clientId)
    })
  }

  /** Seals why a login has failed, for a cookie: no other site can put words of its own into the page. */
  sealFailure({ code, message, requestId }: LoginFailure): string {
    const failure: LoginFailure = { code, message: message.slice(0, MAX_MESSAGE_CHARACTERS), requestId }
    const payload = Buffer.from(JSON.stringify(failure))
    return this.#deps.sealer.seal(SealKind.loginFailure, '', Date.now() + FAILURE_MS, payload).toString('base64url')
  }

  /** Opens what `sealFailure` has sealed; undefined if it is too old or was not sealed by a gateway with the same keys. */
  openFailure(sealed: string): LoginFailure | undefined {
    return this.#opened<LoginFailure>(SealKind.loginFailure, sealed)
  }

  get #redirectUri(): string {
    return `${this.#settings.publicUrl.replace(/\/$/, '')}/console/login/callback`
  }

  #checksOf(ticket: string | undefined): Checks {
    const checks = this.#opened<Checks>(SealKind.login, ticket ?? '')
    if (checks) return checks
    throw new GatewayError(
      'UNAUTHENTICATED',
      'The login was not begun in this browser, or took too long: begin it again.',
    )
  }

  #opened<T>(kind: SealKind, sealed: string): T | undefined {
    try {
      const { expiresAt, payload } = this.#deps.sealer.open(kind, Buffer.from(sealed, 'base64url'))
      return Date.now() < expiresAt ? (JSON.parse(payload.toString()) as T) : undefined
    } catch (error) {
      if (error instanceof GatewayError) return undefined
      throw error
    }
  }

  #discovered(): Promise<Configuration> {
    this.#configuration ??= this.#discover().catch((error: unknown) => {
      this.#configuration = undefined
      throw error
    })
    return this.#configuration
  }

  async #discover(): Promise<Configuration> {
    const client = await import('openid-client')
    const { issuer, clientId, clientSecret } = this.#settings
    const method = clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret)
    // The configuration takes http:// only for this machine.
    const execute = issuer.startsWith('http:') ? [client.allowInsecureRequests] : []
    return await client.discovery(new URL(issuer), clientId, undefined, method, { execute, timeout: TIMEOUT_S })
  }

  async #limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING)
      throw new GatewayError('ISSUER_UNAVAILABLE', 'Too many logins wait for the issuer.')
    this.#waiting++
    try {
      return await work()
    } catch (error) {
      throw this.#errorOf(error)
    } finally {
      this.#waiting--
    }
  }

  #errorOf(cause: unknown): GatewayError {
    if (cause instanceof GatewayError) return cause
    const { name, code, error, message } = cause as Error & { readonly code?: unknown; readonly error?: unknown }
    this.#deps.log.warn(
      { event: 'console_login', name, code, error, reason: message },
      'a login to the console has failed',
    )
    if (name === 'AuthorizationResponseError' && typeof error === 'string' && /^\w{1,64}$/.test(error))
      return new GatewayError(
        'UNAUTHENTICATED',
        `The issuer has refused the login (${error}): try again, or ask those who run the issuer.`,
        { cause },
      )
    if (unanswered.has(name) || code === 'OAUTH_TIMEOUT' || isServerError(cause as Error))
      return new GatewayError('ISSUER_UNAVAILABLE', 'The issuer does not answer: try again later.', { cause })
    return new GatewayError('UNAUTHENTICATED', 'The login has failed: begin it again.', { cause })
  }
}

/** Whether the client has got an answer that tells a failure of the issuer itself: the client adds it to what it throws. */
function isServerError({ cause }: { readonly cause?: unknown }): boolean {
  return cause instanceof Response && cause.status >= 500
}
