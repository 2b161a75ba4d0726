import { GatewayError } from '../errors.ts'
import type { Principal } from '../types.ts'
import type { Codec } from './fields.ts'
import type { Opened, Sealer, SealKind } from './sealer.ts'

/** An opened value and its expiry. */
export interface Unsealed<T> {
  readonly value: T
  /** Unix time in milliseconds. */
  readonly expiresAt: number
}

/** Sealed values of one kind. Clients hold them, but cannot read or change them, or pass them to another principal. */
export interface Sealed<T> {
  /** Seals a value for a principal until `expiresAt` (Unix milliseconds). */
  seal(sealer: Sealer, principal: Principal, expiresAt: number, value: T): Buffer
  /**
   * Opens a value that `seal` made for the same principal.
   * @throws GatewayError BAD_TICKET, FORGED_TICKET, FOREIGN_TICKET, EXPIRED_TICKET, or the kind's own errors (`Refusals`)
   */
  open(sealer: Sealer, principal: Principal, sealed: Uint8Array): Unsealed<T>
}

/** Errors of a kind of sealed value that replace the ticket errors. */
export interface Refusals {
  /** @param cause BAD_TICKET or FORGED_TICKET */
  onUnreadable?(cause: GatewayError): GatewayError
  onForeign?(): GatewayError
  onExpired?(): GatewayError
}

/** Creates the sealing for values of one kind. No other code compares principal and expiry. */
export function sealed<T>(kind: SealKind, codec: Codec<T>, refusals: Refusals = {}): Sealed<T> {
  const { onUnreadable = (cause) => cause } = refusals
  const { onForeign = () => new GatewayError('FOREIGN_TICKET') } = refusals
  const { onExpired = () => new GatewayError('EXPIRED_TICKET') } = refusals
  return {
    seal: (sealer, principal, expiresAt, value) => sealer.seal(kind, principal.name, expiresAt, codec.encode(value)),
    open(sealer, principal, text) {
      let opened: Opened
      try {
        opened = sealer.open(kind, text)
      } catch (cause) {
        throw onUnreadable(GatewayError.from(cause))
      }
      if (opened.principal !== principal.name) throw onForeign()
      const { expiresAt, payload } = opened
      if (Date.now() >= expiresAt) throw onExpired()
      let value: T
      try {
        value = codec.decode(payload)
      } catch (cause) {
        // A replica with another version has sealed the value.
        throw onUnreadable(new GatewayError('BAD_TICKET', undefined, { cause }))
      }
      return { value, expiresAt }
    },
  }
}
