import { LRUCache } from 'lru-cache'
import { GatewayError } from '../query/errors.ts'
import { type Opened, type Sealer, SealKind } from '../query/seal/sealer.ts'
import type { Identity } from './identity.ts'

const TOKEN_PREFIX = 'fgt_'
const MAX_CACHED_TOKENS = 10_000

/** @returns undefined if the credentials behind a token are no longer valid */
type IdentityOfProof = (name: string, proof: Uint8Array) => Identity | undefined

/** The short-lived bearer tokens that the gateway issues: sealed, so that every replica with the same keys takes them. */
export class BearerTokens {
  readonly #sealer: Sealer
  readonly #ttlMs: () => number
  readonly #identityOf: IdentityOfProof
  /** Tokens that were opened, with the end of each. */
  readonly #known = new LRUCache<string, Identity>({ max: MAX_CACHED_TOKENS })

  /** @param ttlMs time to live of new tokens, in milliseconds, which a reload may change */
  constructor(sealer: Sealer, ttlMs: () => number, identityOf: IdentityOfProof) {
    this.#sealer = sealer
    this.#ttlMs = ttlMs
    this.#identityOf = identityOf
  }

  /** Whether a text has the form of such a token. */
  has(token: string): boolean {
    return token.startsWith(TOKEN_PREFIX)
  }

  /** Issues a token. It ends with its time to live, or with the credentials of its identity. */
  issue({ principal, expiresAt, proof }: Identity): string {
    const end = Math.min(Date.now() + this.#ttlMs(), expiresAt)
    return TOKEN_PREFIX + this.#sealer.seal(SealKind.bearer, principal.name, end, proof).toString('base64url')
  }

  /** The identity of a token. @throws GatewayError UNAUTHENTICATED, EXPIRED_TOKEN */
  open(token: string): Identity {
    const known = this.#known.get(token)
    if (known) return notExpired(known)
    const fresh = notExpired(this.#open(token))
    this.#known.set(token, fresh)
    return fresh
  }

  /** Forgets what tokens stand for, after keys have changed. */
  forget(): void {
    this.#known.clear()
  }

  #open(token: string): Identity {
    const wrong = new GatewayError('UNAUTHENTICATED', 'The bearer token is wrong: log in again.')
    let opened: Opened
    try {
      opened = this.#sealer.open(SealKind.bearer, Buffer.from(token.slice(TOKEN_PREFIX.length), 'base64url'))
    } catch {
      throw wrong
    }
    const identity = this.#identityOf(opened.principal, opened.payload)
    if (!identity) throw wrong
    return { ...identity, expiresAt: Math.min(opened.expiresAt, identity.expiresAt) }
  }
}

function notExpired(identity: Identity): Identity {
  if (Date.now() >= identity.expiresAt) throw new GatewayError('EXPIRED_TOKEN')
  return identity
}
