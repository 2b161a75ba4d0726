import type { Principal } from '../query/types.ts'

/** A caller that the gateway has authenticated. */
export interface Identity {
  readonly principal: Principal
  /** When its credentials end, in Unix milliseconds; `Infinity` if they do not. */
  readonly expiresAt: number
  /** What a bearer token of the gateway holds besides name and expiry, so that any replica knows the identity again. */
  readonly proof: Uint8Array
}
