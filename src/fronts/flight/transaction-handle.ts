import { GatewayError } from '../../query/errors.ts'
import { SealKind } from '../../query/seal.ts'
import type { Context } from '../../query/types.ts'
import type { FlightFront } from './front.ts'

/** Far beyond the life of any transaction: the idle limit ends those that nobody does. */
const TTL_MS = 7 * 86_400_000

/** Seals the id of a transaction for its principal. */
export function sealTransaction(front: FlightFront, ctx: Context, id: string): Buffer {
  return front.sealer.seal(SealKind.transaction, ctx.principal.name, Date.now() + TTL_MS, Buffer.from(id))
}

/**
 * The id inside a transaction's handle.
 * @throws GatewayError BAD_REQUEST, FORGED_TICKET, FORBIDDEN
 */
export function openTransaction(front: FlightFront, ctx: Context, handle: Uint8Array): string {
  let opened: ReturnType<FlightFront['sealer']['open']>
  try {
    opened = front.sealer.open(SealKind.transaction, handle)
  } catch (cause) {
    if (cause instanceof GatewayError && cause.code !== 'BAD_TICKET') throw cause
    throw new GatewayError('BAD_REQUEST', 'This is not a transaction of this gateway: begin one.', { cause })
  }
  if (opened.principal !== ctx.principal.name)
    throw new GatewayError('FORBIDDEN', 'The transaction belongs to another principal.')
  return opened.payload.toString()
}
