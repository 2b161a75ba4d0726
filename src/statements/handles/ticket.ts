import { GatewayError } from '../../query/errors.ts'
import { type Sealer, SealKind } from '../../query/sealer.ts'
import type { PlannedSql, Principal, Query, SessionOptions } from '../../query/types.ts'
import type { BoundParameters } from '../bound-parameters.ts'

/** What a ticket stands for. */
export interface StatementTicket {
  /** Names the execution: what CancelFlightInfo cancels. */
  readonly id: string
  readonly runnable: PlannedSql
  /** Where the bound parameters are; they are not in `runnable`. */
  readonly bound?: BoundParameters
  /** The statement has run already; its result is kept under the id. */
  readonly stored: boolean
  /** Unix time in milliseconds. */
  readonly expiresAt: number
}

interface Payload {
  readonly i: string
  readonly s: string
  readonly q: string
  readonly u?: 1
  readonly k?: 1
  readonly h?: string
  readonly o?: SessionOptions
  readonly t?: string
  readonly p?: 1
  readonly b?: BoundParameters
}

/** What a ticket holds, as JSON text. */
export function encodeTicket(ticket: StatementTicket): Buffer {
  const { query, kind, handle } = ticket.runnable
  const payload: Payload = {
    i: ticket.id,
    s: query.source,
    q: query.sql,
    ...(kind === 'update' && { u: 1 as const }),
    ...(ticket.stored && { k: 1 }),
    ...(handle && { h: Buffer.from(handle).toString('base64') }),
    ...(Object.keys(query.session).length > 0 && { o: query.session }),
    ...(query.transaction !== undefined && { t: query.transaction }),
    ...(query.rawCommand && { p: 1 }),
    ...(ticket.bound && { b: ticket.bound }),
  }
  return Buffer.from(JSON.stringify(payload))
}

/** Seals a ticket for a principal. */
export function sealTicket(sealer: Sealer, principal: Principal, ticket: StatementTicket): Buffer {
  return sealer.seal(SealKind.ticket, principal.name, ticket.expiresAt, encodeTicket(ticket))
}

/**
 * Opens a ticket before any source is touched.
 * @throws GatewayError BAD_TICKET, FORGED_TICKET, EXPIRED_TICKET, FOREIGN_TICKET
 */
export function openTicket(sealer: Sealer, principal: Principal, sealed: Uint8Array): StatementTicket {
  const { payload, expiresAt, principal: owner } = sealer.open(SealKind.ticket, sealed)
  if (owner !== principal.name) throw new GatewayError('FOREIGN_TICKET')
  if (Date.now() >= expiresAt) throw new GatewayError('EXPIRED_TICKET')
  return decodeTicket(payload, expiresAt)
}

/** The ticket that `encodeTicket` wrote. */
export function decodeTicket(text: Buffer, expiresAt: number): StatementTicket {
  const { i, s, q, u, k, h, o, t, p, b } = JSON.parse(text.toString()) as Payload
  const query: Query = {
    source: s,
    sql: q,
    session: o ?? {},
    purpose: 'any',
    ...(t !== undefined && { transaction: t }),
    ...(p === 1 && { rawCommand: true }),
  }
  const runnable: PlannedSql = {
    query,
    kind: u === 1 ? 'update' : 'read',
    ...(h !== undefined && { handle: Buffer.from(h, 'base64') }),
  }
  return { id: i, runnable, stored: k === 1, expiresAt, ...(b && { bound: b }) }
}
