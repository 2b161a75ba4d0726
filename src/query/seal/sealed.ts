import { GatewayError } from '../errors.ts'
import type { Principal } from '../types.ts'
import type { Codec } from './fields.ts'
import type { Opened, Sealer, SealKind } from './sealer.ts'

/** What was inside, and until when it is good. */
export interface Unsealed<T> {
  readonly value: T
  /** Unix time in milliseconds. */
  readonly expiresAt: number
}

/** Values of one kind that clients hold without being able to read, change or pass them on. */
export interface Sealed<T> {
  /** Seals a value for a principal until `expiresAt` (Unix milliseconds). */
  seal(sealer: Sealer, principal: Principal, expiresAt: number, value: T): Buffer
  /**
   * Opens what `seal` made for the same principal.
   * @throws GatewayError BAD_TICKET, FORGED_TICKET, FOREIGN_TICKET, EXPIRED_TICKET, or what the kind's refusals say
   */
  open(sealer: Sealer, principal: Principal, sealed: Uint8Array): Unsealed<T>
}

/** What a kind of sealed text answers in place of the errors about tickets. */
export interface Refusals {
  /** @param cause BAD_TICKET or FORGED_TICKET */
  onUnreadable?(cause: GatewayError): GatewayError
  onForeign?(): GatewayError
  onExpired?(): GatewayError
}

/** Seals values of one kind; the only place that compares principal and expiry. */
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
        // A replica of another version has sealed it.
        throw onUnreadable(new GatewayError('BAD_TICKET', undefined, { cause }))
      }
      return { value, expiresAt }
    },
  }
}
