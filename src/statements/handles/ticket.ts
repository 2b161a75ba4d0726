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
import type { PlannedSql } from '../../query/types.ts'
import type { BoundParameters } from './prepared.ts'
import { queryFields } from './query-fields.ts'

/** What a ticket stands for. */
export interface StatementTicket {
  /** Names the execution: what CancelFlightInfo cancels. */
  readonly id: string
  readonly statement: PlannedSql
  /** Where the bound parameters are; they are not in `statement`. */
  readonly bound?: BoundParameters
  /** The statement has run already; its result is kept under the id. */
  readonly stored: boolean
}

/** What travels of every planned statement. */
const common = {
  query: inline(queryFields),
  handle: optionalBytes('h'),
  // The ticket's own id names the execution.
  execution: leftOut,
  // The client has it from the FlightInfo.
  schema: leftOut,
}

/** How a ticket travels; a poll holds one too. */
export const ticketFields: Fields<StatementTicket> = {
  id: text('i'),
  statement: oneOf<PlannedSql>('u', {
    // Whether the principal may change data is asked anew when the statement runs.
    read: { kind: constant('read'), ...common, mayWrite: leftOut },
    update: { kind: constant('update'), ...common },
  }),
  bound: json('b'),
  stored: flag('k'),
}

/** Tickets of statements. */
export const statementTickets = sealed<StatementTicket>(SealKind.ticket, record(ticketFields))
