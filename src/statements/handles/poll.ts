import { bytes, flag, nested, record } from '../../query/seal/fields.ts'
import { sealed } from '../../query/seal/sealed.ts'
import { SealKind } from '../../query/seal/sealer.ts'
import { type StatementTicket, ticketFields } from './ticket.ts'

/** A statement that a client polls: its ticket to be, and what each answer repeats. */
export interface Poll {
  readonly ticket: StatementTicket
  /** Whether the engine has planned it; until then only its text is known. */
  readonly planned: boolean
  /** Bare flatbuffer `Message`; empty when it is not known. */
  readonly schema: Uint8Array
  /** The request that it began with, as the front wants it back. */
  readonly request: Uint8Array
}

/** Handles of polls. */
export const pollHandles = sealed<Poll>(
  SealKind.poll,
  record<Poll>({ ticket: nested('t', ticketFields), planned: flag('p'), schema: bytes('s'), request: bytes('d') }),
)
