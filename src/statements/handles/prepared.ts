import { GatewayError } from '../../query/errors.ts'
import { type Sealer, SealKind } from '../../query/sealer.ts'
import type { Context, Query, SessionOptions } from '../../query/types.ts'
import type { BoundParameters } from '../bound-parameters.ts'

/** A prepared statement; everything it is travels in its handle, so that any replica can run it. */
export interface PreparedStatement {
  readonly query: Query
  readonly bound?: BoundParameters
}

interface SealsPrepared {
  readonly sealer: Sealer
  readonly limits: { readonly preparedTtlMs: number }
}

interface Payload {
  readonly s: string
  readonly q: string
  readonly o?: SessionOptions
  readonly t?: string
  readonly b?: BoundParameters
}

/** Seals a prepared statement, with its parameters if some are bound, for its principal. */
export function sealPrepared(front: SealsPrepared, ctx: Context, { query, bound }: PreparedStatement): Buffer {
  const payload: Payload = {
    s: query.source,
    q: query.sql,
    ...(Object.keys(query.session).length > 0 && { o: query.session }),
    ...(query.transaction !== undefined && { t: query.transaction }),
    ...(bound && { b: bound }),
  }
  const expiresAt = Date.now() + front.limits.preparedTtlMs
  return front.sealer.seal(SealKind.prepared, ctx.principal.name, expiresAt, Buffer.from(JSON.stringify(payload)))
}

/**
 * Opens a handle.
 * @throws GatewayError BAD_HANDLE, FORGED_TICKET, EXPIRED_TICKET, FOREIGN_TICKET
 */
export function openPrepared(
  front: Pick<SealsPrepared, 'sealer'>,
  ctx: Context,
  handle: Uint8Array,
): PreparedStatement {
  let opened: ReturnType<Sealer['open']>
  try {
    opened = front.sealer.open(SealKind.prepared, handle)
  } catch (cause) {
    throw new GatewayError('BAD_HANDLE', undefined, { cause })
  }
  if (opened.principal !== ctx.principal.name) throw new GatewayError('FOREIGN_TICKET')
  if (Date.now() >= opened.expiresAt)
    throw new GatewayError('EXPIRED_TICKET', 'The prepared statement has expired: prepare it again.')
  const { s, q, o, t, b } = JSON.parse(opened.payload.toString()) as Payload
  const query: Query = {
    source: s,
    sql: q,
    session: o ?? {},
    purpose: 'any',
    ...(t !== undefined && { transaction: t }),
  }
  return b ? { query, bound: b } : { query }
}
