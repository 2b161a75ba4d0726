import { GatewayError } from '../../query/errors.ts'
import { type Sealer, SealKind } from '../../query/sealer.ts'
import type { Context } from '../../query/types.ts'

/** Far beyond the life of any transaction: the idle limit ends those that nobody does. */
const TTL_MS = 7 * 86_400_000

/** A savepoint, as the engine names it, in a transaction of ours. */
export interface Savepoint {
  readonly transaction: string
  readonly savepoint: Uint8Array
}

/** Seals the id of a transaction for its principal. */
export function sealTransaction(front: { readonly sealer: Sealer }, ctx: Context, id: string): Buffer {
  return front.sealer.seal(SealKind.transaction, ctx.principal.name, Date.now() + TTL_MS, Buffer.from(id))
}

/**
 * The id inside a transaction's handle.
 * @throws GatewayError BAD_REQUEST, FORGED_TICKET, FORBIDDEN
 */
export function openTransaction(front: { readonly sealer: Sealer }, ctx: Context, handle: Uint8Array): string {
  return open(front, ctx, SealKind.transaction, handle, 'transaction').toString()
}

/** Seals a savepoint for its principal. */
export function sealSavepoint(
  front: { readonly sealer: Sealer },
  ctx: Context,
  { transaction, savepoint }: Savepoint,
): Buffer {
  const payload = Buffer.from(JSON.stringify([transaction, Buffer.from(savepoint).toString('base64')]))
  return front.sealer.seal(SealKind.savepoint, ctx.principal.name, Date.now() + TTL_MS, payload)
}

/**
 * The savepoint inside a handle.
 * @throws GatewayError BAD_REQUEST, FORGED_TICKET, FORBIDDEN
 */
export function openSavepoint(front: { readonly sealer: Sealer }, ctx: Context, handle: Uint8Array): Savepoint {
  const payload = open(front, ctx, SealKind.savepoint, handle, 'savepoint').toString()
  const [transaction, savepoint] = JSON.parse(payload) as [string, string]
  return { transaction, savepoint: Buffer.from(savepoint, 'base64') }
}

function open(
  front: { readonly sealer: Sealer },
  ctx: Context,
  kind: SealKind,
  handle: Uint8Array,
  what: string,
): Buffer {
  let opened: ReturnType<Sealer['open']>
  try {
    opened = front.sealer.open(kind, handle)
  } catch (cause) {
    if (cause instanceof GatewayError && cause.code !== 'BAD_TICKET') throw cause
    throw new GatewayError('BAD_REQUEST', `This is not a ${what} of this gateway: begin one.`, { cause })
  }
  if (opened.principal !== ctx.principal.name)
    throw new GatewayError('FORBIDDEN', `The ${what} belongs to another principal.`)
  return opened.payload
}
