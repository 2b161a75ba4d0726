import { GatewayError } from '../../query/errors.ts'
import { type Sealer, SealKind } from '../../query/sealer.ts'
import type { Context } from '../../query/types.ts'
import { decodeTicket, encodeTicket, type StatementTicket } from './ticket.ts'

/** A statement that a client polls: its ticket to be, and what its FlightInfo repeats. */
export interface Poll {
  readonly ticket: StatementTicket
  /** Whether the engine has planned it; until then nothing is known but its text. */
  readonly planned: boolean
  /** Bare flatbuffer `Message`; empty when it is not known. */
  readonly schema: Uint8Array
  /** The FlightDescriptor that it began with. */
  readonly descriptor: Uint8Array
}

interface SealsPolls {
  readonly sealer: Sealer
  readonly limits: { readonly ticketTtlMs: number }
}

interface Payload {
  readonly t: string
  readonly s: string
  readonly d: string
  readonly n?: 1
}

/** Seals a poll for its principal, for as long as nobody need poll it. */
export function sealPoll(front: SealsPolls, ctx: Context, { ticket, planned, schema, descriptor }: Poll): Buffer {
  const payload: Payload = {
    t: encodeTicket(ticket).toString(),
    s: Buffer.from(schema).toString('base64'),
    d: Buffer.from(descriptor).toString('base64'),
    ...(!planned && { n: 1 }),
  }
  const expiresAt = Date.now() + front.limits.ticketTtlMs
  return front.sealer.seal(SealKind.poll, ctx.principal.name, expiresAt, Buffer.from(JSON.stringify(payload)))
}

/**
 * Opens what `sealPoll` made.
 * @throws GatewayError BAD_TICKET, FORGED_TICKET, EXPIRED_TICKET, FOREIGN_TICKET
 */
export function openPoll(front: Pick<SealsPolls, 'sealer'>, ctx: Context, sealed: Uint8Array): Poll {
  const { payload, expiresAt, principal } = front.sealer.open(SealKind.poll, sealed)
  if (principal !== ctx.principal.name) throw new GatewayError('FOREIGN_TICKET')
  if (Date.now() >= expiresAt) throw new GatewayError('EXPIRED_TICKET')
  const { t, s, d, n } = JSON.parse(payload.toString()) as Payload
  return {
    ticket: decodeTicket(Buffer.from(t), expiresAt),
    planned: n !== 1,
    schema: Buffer.from(s, 'base64'),
    descriptor: Buffer.from(d, 'base64'),
  }
}
