import type { Socket } from 'node:net'
import type { HeaderFields } from '../http2/index.ts'
import type { RoleGrants } from '../query/access/grant.ts'
import { grantsOfRoles } from '../query/access/roles.ts'
import { authenticationOf } from '../query/audit/caller-fields.ts'
import { refusedLogin } from '../query/audit/refused-login.ts'
import { GatewayError } from '../query/errors.ts'
import type { Sealer } from '../query/seal/sealer.ts'
import type { Principal } from '../query/types.ts'
import { type ApiKey, ApiKeys, expiredKey } from './api-keys.ts'
import { BearerTokens } from './bearer-tokens.ts'
import { CERTIFICATE_PREFIX, type CertificateSettings, ClientCertificates } from './certificates/client-certificates.ts'
import { credentialOf, severalValues } from './credentials.ts'
import type { Identity } from './identity.ts'
import type { KnownNames } from './oidc/claims.ts'
import type { IssuerSettings } from './oidc/issuer-settings.ts'
import { type OidcDependencies, OidcTokens, type PrincipalOf } from './oidc/oidc-tokens.ts'

/**
 * The principal of every call when nothing is configured by which callers authenticate. The gateway then listens on loopback
 * addresses only, and no other caller could be told apart from it.
 */
export const anonymous: Principal = { name: 'anonymous', roles: ['admin'], grants: grantsOfRoles(['admin']) }

const anonymousIdentity: Identity = {
  principal: anonymous,
  expiresAt: Number.POSITIVE_INFINITY,
  proof: new Uint8Array(0),
}

/** What callers authenticate with. */
export interface AuthenticatorSettings {
  readonly apiKeys: readonly ApiKey[]
  /** Issuers of tokens. */
  readonly oidc: readonly IssuerSettings[]
  readonly clientCertificates?: CertificateSettings | undefined
  /** Groups and roles of the configuration. */
  readonly names: KnownNames
  /** What the roles of the configuration grant. */
  readonly roles?: RoleGrants | undefined
  /** What a principal has by its groups; API keys have it already. */
  readonly settingsOfGroups?: (groups: readonly string[]) => Partial<Principal>
}

/** Dependencies of `Authenticator`. */
export interface AuthenticatorDependencies extends OidcDependencies {
  readonly sealer: Sealer
  /** Longest lifetime of a bearer token that the gateway issues from now on, in milliseconds: read for each token. */
  readonly tokenTtlMs: number
}

/**
 * Maps the credentials of a call to a principal, and issues short-lived bearer tokens. Answers at once where it can: for API keys
 * and for tokens that it knows already. Otherwise it returns a promise.
 */
export class Authenticator {
  readonly #keys: ApiKeys
  readonly #tokens: BearerTokens
  readonly #oidc: OidcTokens
  readonly #certificates = new ClientCertificates()

  constructor(settings: AuthenticatorSettings, deps: AuthenticatorDependencies) {
    this.#keys = new ApiKeys(settings.apiKeys, settings.roles)
    this.#oidc = new OidcTokens(deps)
    this.#tokens = new BearerTokens(
      deps.sealer,
      () => deps.tokenTtlMs,
      (name, proof) => this.#ofProof(name, proof),
    )
    this.update(settings)
  }

  /** Fetches what the first calls would otherwise wait for. Never fails. */
  async prepare(): Promise<void> {
    await this.#oidc.prepare()
  }

  /** Replaces what callers authenticate with. Bearer tokens of a key or an issuer that is gone or changed end at once. */
  update({ apiKeys, oidc, clientCertificates, names, roles, settingsOfGroups }: AuthenticatorSettings): void {
    const principalOf: PrincipalOf = (caller) => ({
      ...settingsOfGroups?.(caller.groups ?? []),
      ...caller,
      grants: grantsOfRoles(caller.roles, roles),
    })
    this.#keys.update(apiKeys, roles)
    this.#oidc.update(oidc, names, principalOf)
    this.#certificates.update(clientCertificates, principalOf)
    this.#tokens.forget()
  }

  /** Whether the gateway accepts calls without credentials. */
  get open(): boolean {
    return this.#keys.isEmpty && this.#oidc.isEmpty && this.#certificates.isEmpty
  }

  /** Whether any API key is configured. */
  get hasApiKeys(): boolean {
    return !this.#keys.isEmpty
  }

  /** When each principal loses its last API key, in Unix milliseconds; without those that have a key without an end. */
  keyExpiries(): { readonly principal: string; readonly expiresAt: number }[] {
    return this.#keys.expiries()
  }

  /**
   * Returns the principal of a call, from the headers that `credentialOf` reads. With nothing configured, the principal is
   * anonymous. Without such headers, the certificate of the connection counts.
   * @param isForwarded whether another process of the gateway has passed the call on, which has seen the certificate
   * @throws GatewayError UNAUTHENTICATED, EXPIRED_TOKEN, FORBIDDEN or ISSUER_UNAVAILABLE, also as a rejection
   */
  authenticate(headers: HeaderFields, socket: Socket, isForwarded = false): Principal | Promise<Principal> {
    const identity = this.identify(headers, socket, isForwarded)
    return identity instanceof Promise ? identity.then(({ principal }) => principal) : identity.principal
  }

  /** As `authenticate`, with what a bearer token for the caller needs. */
  identify(headers: HeaderFields, socket: Socket, isForwarded = false): Identity | Promise<Identity> {
    if (this.open) return anonymousIdentity
    try {
      const found = this.#identify(headers, socket, isForwarded)
      return found instanceof Promise ? found.catch((error) => refuse(error, headers)) : found
    } catch (error) {
      return refuse(error, headers)
    }
  }

  #identify(headers: HeaderFields, socket: Socket, isForwarded: boolean): Identity | Promise<Identity> {
    const credential = credentialOf(headers)
    if (!isForwarded) this.requireCertificate(socket)
    const certified = credential ? undefined : this.#certificates.of(socket)
    if (certified) return certified
    if (!credential)
      throw new GatewayError(
        'UNAUTHENTICATED',
        'The call carries no credentials: give an API key as x-api-key, as Bearer, or as the password of Basic.',
      )
    return credential.isKey ? this.#byApiKey(credential.secret) : this.identifyBy(credential.secret)
  }

  /** Refuses a connection without the certificate that every call needs. @throws GatewayError UNAUTHENTICATED */
  requireCertificate(socket: Socket): void {
    if (this.#certificates.isMissing(socket))
      throw new GatewayError(
        'UNAUTHENTICATED',
        'Each call needs a client certificate (auth.clientCertificates.required).',
      )
  }

  /**
   * Returns the identity of a text that a client gives as its password: an API key, or a token.
   * @throws GatewayError as `authenticate`
   */
  identifyBy(secret: string): Identity | Promise<Identity> {
    if (this.open) return anonymousIdentity
    if (this.#tokens.has(secret)) return this.#tokens.open(secret)
    // A key may look like a token.
    return this.#oidc.has(secret) && !this.#keys.find(secret) ? this.#oidc.identify(secret) : this.#byKey(secret)
  }

  /** The identity of an ID token for a client of its issuer. Rejects as `identify`. */
  identifyIdToken(token: string, clientId: string): Promise<Identity> {
    return this.#oidc.identifyIdToken(token, clientId)
  }

  /** The identity of the client certificate of a connection; undefined if there is none. @throws GatewayError UNAUTHENTICATED, FORBIDDEN */
  ofCertificate(socket: Socket): Identity | undefined {
    return this.#certificates.of(socket)
  }

  /** A bearer token for a call that goes on to another process of the gateway, if only a certificate tells who calls. */
  tokenToForward(headers: HeaderFields, socket: Socket): string | undefined {
    const identity = this.open || credentialOf(headers) ? undefined : this.#certificates.of(socket)
    return identity && this.issueToken(identity)
  }

  /** Issues a bearer token. It expires with its time to live, and ends with the credentials of its identity. */
  issueToken(identity: Identity): string {
    return this.#tokens.issue(identity)
  }

  /** No API key has a name with a colon, and no issuer the prefix of certificates. */
  #ofProof(name: string, proof: Uint8Array): Identity | undefined {
    if (name.startsWith(CERTIFICATE_PREFIX)) return this.#certificates.ofProof(name, proof)
    return name.includes(':') ? this.#oidc.ofProof(name, proof) : this.#keys.ofProof(name, proof)
  }

  #byApiKey(apiKey: string): Identity {
    try {
      return this.#byKey(apiKey)
    } catch (error) {
      // A key may itself contain commas.
      throw apiKey.includes(',') ? severalValues('x-api-key') : error
    }
  }

  #byKey(presented: string): Identity {
    const found = this.#keys.find(presented)
    if (!found) throw new GatewayError('UNAUTHENTICATED', 'The API key, password or token is wrong.')
    if (Date.now() >= found.expiresAt) throw expiredKey(found)
    return found
  }
}

/** Notes what a refused caller has tried: fronts drop the headers of refused calls. @throws the error */
function refuse(error: unknown, headers: HeaderFields): never {
  throw refusedLogin(error, authenticationOf(headers, undefined))
}
