import {
  constant,
  type Fields,
  flag,
  inline,
  json,
  leftOut,
  oneOf,
  optionalBytes,
  record,
  text,
} from '../../query/seal/fields.ts'
import { sealed } from '../../query/seal/sealed.ts'
import { SealKind } from '../../query/seal/sealer.ts'
import type { PlannedCost, PlannedSql } from '../../query/types.ts'
import type { BoundParameters } from './prepared.ts'
import { queryFields } from './query-fields.ts'

/** The statement that a ticket names. */
export interface StatementTicket {
  /** Id of the execution, which CancelFlightInfo cancels. */
  readonly id: string
  readonly statement: PlannedSql
  /** Location of the bound parameters; `statement` does not contain them. */
  readonly bound?: BoundParameters
  /** Process that runs the statement in the background and has its result; absent for others. */
  readonly owner?: string
  /** Whether the statement has run already; its result is then in `rows`, or stored under the id. */
  readonly stored: boolean
  /** A small result, packed. */
  readonly rows?: Uint8Array
}

/** Fields that a ticket encodes for every planned statement. */
const common = {
  query: inline(queryFields),
  handle: optionalBytes('h'),
  // The ticket's id is the execution's id.
  execution: leftOut,
  // The client already has the schema from the FlightInfo.
  schema: leftOut,
  cost: json<PlannedCost | undefined>('c'),
  // The list of recent statements shows it, whichever process runs the ticket.
  planMs: json<number | undefined>('l'),
  grantsDigest: json<string | undefined>('r'),
}

/** Encoding of a ticket; a poll handle contains one too. */
export const ticketFields: Fields<StatementTicket> = {
  id: text('i'),
  statement: oneOf<PlannedSql>('u', {
    // The `authorize` stage decides again when the statement runs.
    read: {
      kind: constant('read'),
      ...common,
      mayWrite: leftOut,
      schemaDigest: json('g'),
      // The `cache` stage decides when the statement runs.
      isRecorded: leftOut,
    },
    update: { kind: constant('update'), ...common },
  }),
  bound: json('b'),
  owner: json<string | undefined>('w'),
  stored: flag('k'),
  rows: optionalBytes('d'),
}

/** Statement tickets. */
export const statementTickets = sealed<StatementTicket>(SealKind.ticket, record(ticketFields))
