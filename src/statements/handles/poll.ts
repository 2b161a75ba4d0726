import { bytes, flag, nested, record } from '../../query/seal/fields.ts'
import { sealed } from '../../query/seal/sealed.ts'
import { SealKind } from '../../query/seal/sealer.ts'
import { type StatementTicket, ticketFields } from './ticket.ts'

/** A statement that a client polls: its future ticket, and the fields that each answer repeats. */
export interface Poll {
  readonly ticket: StatementTicket
  /** Whether the engine has planned the statement; until then the gateway knows only its text. */
  readonly planned: boolean
  /** Bare flatbuffer `Message`; empty when unknown. */
  readonly schema: Uint8Array
  /** The client's first request; opaque bytes of the front. */
  readonly request: Uint8Array
}

/** Poll handles. */
export const pollHandles = sealed<Poll>(
  SealKind.poll,
  record<Poll>({ ticket: nested('t', ticketFields), planned: flag('p'), schema: bytes('s'), request: bytes('d') }),
)
