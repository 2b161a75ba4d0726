import { createHash, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { headerOf, partsOf } from '../grpc/server/metadata.ts'
import type { HeaderFields } from '../http2/index.ts'
import { GatewayError } from '../query/errors.ts'
import { type Sealer, SealKind } from '../query/seal/sealer.ts'
import type { Principal, Quotas } from '../query/types.ts'

/** A configured API key. The gateway knows only its SHA-256. */
export interface ApiKey {
  readonly name: string
  readonly sha256: Buffer
  readonly roles: readonly string[]
  readonly defaultSource?: string
  readonly statementTimeoutMs?: number
  readonly quotas?: Quotas
}

/**
 * The principal of every call when no API keys are configured. The gateway then listens on loopback addresses only, and no other caller
 * could hold the role admin.
 */
export const anonymous: Principal = { name: 'anonymous', roles: ['reader', 'writer', 'admin'] }

/** The headers that may carry credentials. */
export const CREDENTIAL_HEADERS = ['authorization', 'x-api-key', 'auth-token-bin'] as const

const TOKEN_PREFIX = 'fgt_'
const KEY_TAG_BYTES = 8
const MAX_CACHED_TOKENS = 10_000
const scheme = /^(bearer|basic) /i

interface KnownToken {
  readonly principal: Principal
  readonly expiresAt: number
}

/** Maps the credentials of a call to a principal, and issues short-lived bearer tokens. */
export class Authenticator {
  readonly #keys: readonly { readonly key: ApiKey; readonly principal: Principal }[]
  readonly #sealer: Sealer
  readonly #tokenTtlMs: number
  readonly #tokens = new LRUCache<string, KnownToken>({ max: MAX_CACHED_TOKENS })

  constructor(keys: readonly ApiKey[], sealer: Sealer, tokenTtlMs: number) {
    this.#sealer = sealer
    this.#tokenTtlMs = tokenTtlMs
    this.#keys = keys.map((key) => {
      const { sha256: _, ...principal } = key
      return { key, principal }
    })
  }

  /** Whether the gateway accepts calls without credentials. */
  get open(): boolean {
    return this.#keys.length === 0
  }

  /**
   * Returns the principal of a call. Reads `x-api-key`, `authorization: Bearer` with a token or a key, `authorization: Basic`
   * with the key as password, or a token in `auth-token-bin`. Without configured keys, the principal is anonymous.
   * @throws GatewayError UNAUTHENTICATED or EXPIRED_TOKEN
   */
  authenticate(headers: HeaderFields): Principal {
    if (this.open) return anonymous
    const apiKey = headerOf(headers, 'x-api-key')
    if (apiKey !== undefined) return this.#byApiKey(apiKey)
    const authorization = headerOf(headers, 'authorization')
    if (authorization !== undefined) return this.#byAuthorization(authorization)
    const legacyToken = headerOf(headers, 'auth-token-bin')
    if (legacyToken !== undefined) return this.#byBearer(Buffer.from(legacyToken, 'base64').toString())
    throw new GatewayError(
      'UNAUTHENTICATED',
      'The call carries no credentials: give an API key as x-api-key, as Bearer, or as the password of Basic.',
    )
  }

  /**
   * Returns the principal of an API key. Compares hashes in constant time.
   * @throws GatewayError UNAUTHENTICATED
   */
  byKey(presented: string): Principal {
    if (this.open) return anonymous
    const hash = createHash('sha256').update(presented).digest()
    let found: Principal | undefined
    for (const { key, principal } of this.#keys) if (timingSafeEqual(hash, key.sha256)) found = principal
    if (!found) throw new GatewayError('UNAUTHENTICATED', 'The API key, password or token is wrong.')
    return found
  }

  /** Issues a bearer token for a principal. The token expires with its time to live, or when its key changes. */
  issueToken(principal: Principal): string {
    const expiresAt = Date.now() + this.#tokenTtlMs
    const sealed = this.#sealer.seal(SealKind.bearer, principal.name, expiresAt, this.#keyTag(principal.name))
    return TOKEN_PREFIX + sealed.toString('base64url')
  }

  #byApiKey(apiKey: string): Principal {
    try {
      return this.byKey(apiKey)
    } catch (error) {
      // A key may itself contain commas.
      throw apiKey.includes(',') ? severalValues('x-api-key') : error
    }
  }

  #byAuthorization(authorization: string): Principal {
    if (
      authorization.includes(',') &&
      partsOf(authorization)
        .slice(1)
        .some((part) => scheme.test(part))
    )
      throw severalValues('authorization')
    const space = authorization.indexOf(' ')
    const kind = authorization.slice(0, space).toLowerCase()
    const value = authorization.slice(space + 1).trim()
    if (kind === 'bearer') return this.#byBearer(value)
    if (kind === 'basic') {
      const text = Buffer.from(value, 'base64').toString()
      const colon = text.indexOf(':')
      if (colon >= 0) return this.byKey(text.slice(colon + 1))
    }
    throw new GatewayError(
      'UNAUTHENTICATED',
      'The authorization header must be "Bearer <token or key>" or "Basic ...".',
    )
  }

  #byBearer(token: string): Principal {
    if (!token.startsWith(TOKEN_PREFIX)) return this.byKey(token)
    const known = this.#tokens.get(token)
    if (known) return notExpired(known)
    const fresh = this.#openToken(token)
    notExpired(fresh)
    this.#tokens.set(token, fresh)
    return fresh.principal
  }

  #openToken(token: string): KnownToken {
    const wrong = new GatewayError('UNAUTHENTICATED', 'The bearer token is wrong: log in again.')
    let opened: ReturnType<Sealer['open']>
    try {
      opened = this.#sealer.open(SealKind.bearer, Buffer.from(token.slice(TOKEN_PREFIX.length), 'base64url'))
    } catch {
      throw wrong
    }
    const entry = this.#keys.find(({ key }) => key.name === opened.principal)
    if (!entry || !opened.payload.equals(this.#keyTag(opened.principal))) throw wrong
    return { principal: entry.principal, expiresAt: opened.expiresAt }
  }

  /** Binds a token to the key that it was issued for: changing the key invalidates its tokens. */
  #keyTag(name: string): Buffer {
    const entry = this.#keys.find(({ key }) => key.name === name)
    return entry ? entry.key.sha256.subarray(0, KEY_TAG_BYTES) : Buffer.alloc(0)
  }
}

function severalValues(name: string): GatewayError {
  return new GatewayError(
    'UNAUTHENTICATED',
    `The call carries different values of ${name}: set it in one place, the client's options or an interceptor.`,
  )
}

function notExpired(token: KnownToken): Principal {
  if (Date.now() >= token.expiresAt) throw new GatewayError('EXPIRED_TOKEN')
  return token.principal
}
