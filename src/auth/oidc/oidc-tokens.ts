import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { GatewayError } from '../../query/errors.ts'
import type { Logger, Principal } from '../../query/types.ts'
import type { Identity } from '../identity.ts'
import { type KnownNames, mapClaims } from './claims.ts'
import { IssuerKeys } from './issuer-keys.ts'
import type { IssuerSettings } from './issuer-settings.ts'
import { refusedToken } from './refused-token.ts'

/** Longest token, in characters. */
const MAX_TOKEN_LENGTH = 16_384
/** Memory for tokens that have been verified. */
const MAX_KNOWN_BYTES = 8 << 20
const KNOWN_OVERHEAD_BYTES = 500
/** How much of the digest of an issuer's settings a login holds, in bytes. */
const TAG_LENGTH = 12

/** How the check of a token ended, for metrics. */
export type TokenOutcome = 'ok' | 'expired' | 'refused' | 'forbidden' | 'unavailable'

/** Dependencies of `OidcTokens`. */
export interface OidcDependencies {
  readonly log: Logger
  readonly observer: {
    onToken(issuer: string, outcome: TokenOutcome): void
    onKeysFetched(issuer: string, isOk: boolean): void
  }
}

/** What a principal is made of; the roles are names of the configuration. */
export type PrincipalOf = (settings: Omit<Principal, 'grants'>) => Principal

interface Issuer {
  readonly settings: IssuerSettings
  readonly keys: IssuerKeys
  /** Digest of the settings. */
  readonly tag: string
}

/** What a bearer token of the gateway holds of a login by OpenID Connect. */
interface Login {
  readonly issuer: string
  readonly tag: string
  readonly roles: readonly string[]
  readonly groups: readonly string[]
}

/** The tokens of OpenID Connect issuers. The library that checks them is loaded with the first one. */
export class OidcTokens {
  readonly #deps: OidcDependencies
  #issuers: readonly Issuer[] = []
  #names: KnownNames = { roles: [], groups: [] }
  #principalOf: PrincipalOf = (settings) => settings
  readonly #known = new LRUCache<string, Identity>({
    maxSize: MAX_KNOWN_BYTES,
    sizeCalculation: (_, token) => token.length + KNOWN_OVERHEAD_BYTES,
  })
  /** Checks that run, by token: calls with the same token share one. */
  readonly #running = new Map<string, Promise<Identity>>()

  constructor(deps: OidcDependencies) {
    this.#deps = deps
  }

  /** Replaces the issuers. Keys of an issuer with the same settings stay. @param names groups and roles of the configuration */
  update(issuers: readonly IssuerSettings[], names: KnownNames, principalOf: PrincipalOf): void {
    const onFetch = (issuer: string, isOk: boolean) => this.#deps.observer.onKeysFetched(issuer, isOk)
    this.#names = names
    this.#principalOf = principalOf
    this.#issuers = issuers.map((settings) => {
      const tag = createHash('sha256').update(JSON.stringify(settings)).digest('base64url').slice(0, TAG_LENGTH)
      const same = this.#issuers.find((each) => each.tag === tag)
      return same ?? { settings, tag, keys: new IssuerKeys(settings, { log: this.#deps.log, onFetch }) }
    })
    this.#known.clear()
    this.#running.clear()
  }

  get isEmpty(): boolean {
    return this.#issuers.length === 0
  }

  /** Fetches the keys of all issuers, so that the first token does not wait for them. Never fails. */
  async prepare(): Promise<void> {
    await Promise.all(this.#issuers.map(({ keys }) => keys.refresh(0).catch(() => {})))
  }

  /** Whether a text has the form of such a token: JSON Web Signature, compact. */
  has(token: string): boolean {
    return this.#issuers.length > 0 && token.startsWith('ey') && token.split('.', 4).length === 3
  }

  /**
   * The identity of a token.
   * @throws GatewayError UNAUTHENTICATED, EXPIRED_TOKEN, FORBIDDEN, ISSUER_UNAVAILABLE, also as a rejection
   */
  identify(token: string): Identity | Promise<Identity> {
    const known = this.#known.get(token)
    if (known && Date.now() < known.expiresAt) return known
    const running = this.#running.get(token)
    if (running) return running
    const issuer = this.#issuerOf(token)
    const check = this.#verify(token, issuer)
      .then(
        (identity) => {
          this.#deps.observer.onToken(issuer.settings.name, 'ok')
          if (this.#running.get(token) === check) this.#known.set(token, identity)
          return identity
        },
        (thrown: unknown) => {
          const error = refusedToken(thrown, issuer.settings)
          this.#deps.observer.onToken(issuer.settings.name, outcomeOf(error))
          throw error
        },
      )
      .finally(() => {
        if (this.#running.get(token) === check) this.#running.delete(token)
      })
    this.#running.set(token, check)
    return check
  }

  /**
   * The identity of an ID token, which a login has returned.
   * @param clientId client of the issuer that logs callers in, for which the token must be
   */
  async identifyIdToken(token: string, clientId: string): Promise<Identity> {
    const issuer = this.#issuerOf(token)
    try {
      return await this.#verify(token, issuer, clientId)
    } catch (error) {
      throw refusedToken(error, { ...issuer.settings, audience: clientId })
    }
  }

  /** The identity of a login for which the gateway issued a bearer token; undefined if its issuer is gone or changed. */
  ofProof(name: string, proof: Uint8Array): Identity | undefined {
    const login = loginOf(proof)
    const issuer = this.#issuers.find(({ settings, tag }) => settings.name === login?.issuer && tag === login.tag)
    if (!login || !issuer) return undefined
    const { roles, groups } = login
    const principal = this.#principalOf({ name, roles, groups })
    return { principal, expiresAt: Number.POSITIVE_INFINITY, proof }
  }

  #issuerOf(token: string): Issuer {
    if (token.length > MAX_TOKEN_LENGTH)
      throw new GatewayError('UNAUTHENTICATED', `The token is longer than ${MAX_TOKEN_LENGTH} characters.`)
    const named = issuerClaimOf(token)
    const issuer = this.#issuers.find(({ settings }) => settings.issuer === named)
    if (issuer) return issuer
    throw new GatewayError(
      'UNAUTHENTICATED',
      named === undefined
        ? 'The token is malformed.'
        : 'The token is of an issuer that this gateway does not know (auth.oidc).',
    )
  }

  async #verify(token: string, { settings, keys, tag }: Issuer, audience = settings.audience): Promise<Identity> {
    const { jwtVerify } = await import('jose')
    const { issuer, algorithms, clockToleranceMs, maxTokenAgeMs } = settings
    const { payload } = await jwtVerify(token, keys.find, {
      issuer,
      audience,
      algorithms: [...algorithms],
      clockTolerance: clockToleranceMs / 1000,
      requiredClaims: ['exp'],
      ...(maxTokenAgeMs !== undefined && { maxTokenAge: maxTokenAgeMs / 1000 }),
    })
    const mapped = mapClaims(payload, settings, this.#names)
    const { roles, groups } = mapped
    const login: Login = { issuer: settings.name, tag, roles, groups }
    const ageEnd = maxTokenAgeMs === undefined ? Number.POSITIVE_INFINITY : payload.iat! * 1000 + maxTokenAgeMs
    return {
      principal: this.#principalOf(mapped),
      expiresAt: Math.min(payload.exp! * 1000, ageEnd) + clockToleranceMs,
      proof: Buffer.from(JSON.stringify(login)),
    }
  }
}

/** The claim `iss` of a token that has not been verified; undefined if the token is malformed. */
function issuerClaimOf(token: string): string | undefined {
  try {
    const text = Buffer.from(token.slice(token.indexOf('.') + 1, token.lastIndexOf('.')), 'base64url').toString()
    const { iss } = JSON.parse(text) as { readonly iss?: unknown }
    return typeof iss === 'string' ? iss : undefined
  } catch {
    return undefined
  }
}

/** @returns undefined if the bearer token was not issued for a login by OpenID Connect */
function loginOf(proof: Uint8Array): Login | undefined {
  if (proof[0] !== '{'.charCodeAt(0)) return undefined
  try {
    return JSON.parse(Buffer.from(proof).toString()) as Login
  } catch {
    return undefined
  }
}

function outcomeOf({ code }: GatewayError): TokenOutcome {
  if (code === 'EXPIRED_TOKEN') return 'expired'
  if (code === 'FORBIDDEN') return 'forbidden'
  return code === 'ISSUER_UNAVAILABLE' ? 'unavailable' : 'refused'
}
