import { createHash, timingSafeEqual } from 'node:crypto'
import type { RoleGrants } from '../query/access/grant.ts'
import { grantsOfRoles } from '../query/access/roles.ts'
import { GatewayError } from '../query/errors.ts'
import type { Principal, Quotas } from '../query/types.ts'
import type { Identity } from './identity.ts'

/** A configured API key. The gateway knows only its SHA-256. Several keys with one name are one principal. */
export interface ApiKey {
  readonly name: string
  readonly sha256: Buffer
  /** When the key ends, in Unix milliseconds. */
  readonly expiresAt?: number | undefined
  readonly roles: readonly string[]
  readonly defaultSource?: string
  readonly statementTimeoutMs?: number
  readonly quotas?: Quotas
  readonly groups?: readonly string[]
}

/** How much of a key's hash its tokens hold, in bytes. */
const TAG_BYTES = 8

interface KnownKey {
  readonly sha256: Buffer
  readonly identity: Identity
}

/** The principals of API keys. */
export class ApiKeys {
  #keys: readonly KnownKey[] = []
  #names: ReadonlySet<string> = new Set()

  constructor(keys: readonly ApiKey[], roles?: RoleGrants) {
    this.update(keys, roles)
  }

  /** Replaces all keys. A principal stays the same object while its settings and its grants stay the same. */
  update(keys: readonly ApiKey[], roles: RoleGrants = {}): void {
    const before = new Map(this.#keys.map(({ identity: { principal } }) => [principal.name, principal]))
    const principals = new Map<string, Principal>()
    this.#keys = keys.map(({ sha256, expiresAt = Number.POSITIVE_INFINITY, ...settings }) => {
      let principal = principals.get(settings.name)
      if (!principal) {
        const known = before.get(settings.name)
        const granted = { ...settings, grants: grantsOfRoles(settings.roles, roles) }
        principal = known && JSON.stringify(known) === JSON.stringify(granted) ? known : granted
        principals.set(settings.name, principal)
      }
      return { sha256, identity: { principal, expiresAt, proof: sha256.subarray(0, TAG_BYTES) } }
    })
    this.#names = new Set(principals.keys())
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0
  }

  /** Whether a key has this name, also one that has expired. */
  hasName(name: string): boolean {
    return this.#names.has(name)
  }

  /** The identity of a key, which may have expired; undefined if there is no such key. Compares hashes in constant time. */
  find(presented: string): Identity | undefined {
    const hash = createHash('sha256').update(presented).digest()
    let found: Identity | undefined
    for (const { sha256, identity } of this.#keys) if (timingSafeEqual(hash, sha256)) found = identity
    return found
  }

  /** The identity for which a bearer token was issued; undefined if its key is gone or changed. */
  ofProof(name: string, proof: Uint8Array): Identity | undefined {
    return this.#keys.find(({ identity }) => identity.principal.name === name && equal(identity.proof, proof))?.identity
  }

  /** When each principal loses its last key, in Unix milliseconds; without those that have a key without an end. */
  expiries(): { readonly principal: string; readonly expiresAt: number }[] {
    const last = new Map<string, number>()
    for (const { identity } of this.#keys) {
      const { name } = identity.principal
      last.set(name, Math.max(identity.expiresAt, last.get(name) ?? 0))
    }
    return [...last].flatMap(([principal, expiresAt]) => (expiresAt < Infinity ? [{ principal, expiresAt }] : []))
  }
}

/** The error for a key that has expired. */
export function expiredKey({ principal, expiresAt }: Identity): GatewayError {
  const since = new Date(expiresAt).toISOString()
  return new GatewayError(
    'UNAUTHENTICATED',
    `The API key of ${principal.name} has expired at ${since}: use the one that takes its place.`,
  )
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}
