import type { GrpcCall } from '../../grpc/server/call.ts'
import { FORWARDED_HEADER, headerOf } from '../../grpc/server/metadata.ts'
import { GatewayError } from '../../query/errors.ts'
import { type Sealer, SealKind } from '../../query/seal/sealer.ts'

/** How long a mark is valid: only the start of the call has to fall into this time. In milliseconds; clocks may differ. */
const VALID_MS = 5 * 60_000
const nothing = new Uint8Array(0)

/**
 * Marks of calls that another process has passed on: such a call is not passed on again, and does not count for the rate limit a
 * second time. A mark is sealed, so that clients cannot make one, and valid for calls of one principal.
 */
export class ForwardMarks {
  readonly #sealer: Sealer

  constructor(sealer: Sealer) {
    this.#sealer = sealer
  }

  /** Makes the mark of a call, as the value of its header. */
  of({ principal }: GrpcCall): string {
    return this.#sealer.seal(SealKind.forwarded, principal.name, Date.now() + VALID_MS, nothing).toString('base64url')
  }

  /** Whether another process has passed the call on. */
  isOn(call: GrpcCall): boolean {
    return this.#principalOf(call.headers) === call.principal.name
  }

  /** Whether headers have a mark, of any principal. */
  areOn(headers: GrpcCall['headers']): boolean {
    return this.#principalOf(headers) !== undefined
  }

  #principalOf(headers: GrpcCall['headers']): string | undefined {
    const header = headerOf(headers, FORWARDED_HEADER)
    if (header === undefined) return undefined
    try {
      const { principal, expiresAt } = this.#sealer.open(SealKind.forwarded, Buffer.from(header, 'base64url'))
      return Date.now() < expiresAt ? principal : undefined
    } catch (error) {
      if (error instanceof GatewayError) return undefined
      throw error
    }
  }
}
