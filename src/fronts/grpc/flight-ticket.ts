import { TicketStatementQuery } from '../../../gen/arrow/flight/protocol/FlightSql.ts'
import { Any } from '../../arrow/ipc/any.ts'

/** Type URL of the ticket of a statement in Flight SQL. */
export const STATEMENT_TICKET_URL = 'type.googleapis.com/arrow.flight.protocol.sql.TicketStatementQuery'

/** Returns the bytes of the Flight ticket for a sealed handle. Source: https://arrow.apache.org/docs/format/FlightSql.html. */
export function ticketOf(statementHandle: Uint8Array): Uint8Array {
  const value = TicketStatementQuery.encode({ statementHandle }).finish()
  return Any.encode({ typeUrl: STATEMENT_TICKET_URL, value }).finish()
}
