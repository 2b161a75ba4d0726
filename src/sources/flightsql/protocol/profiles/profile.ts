import type { GrpcFailure } from '../../../../grpc/client/failure.ts'
import type { DremioSession } from '../../settings.ts'

/** The differences between servers. */
export interface Profile {
  /** How the server reads SQL. */
  readonly dialect: 'dremio' | 'standard'
  /** Headers with session properties; sent with every call. */
  sessionHeaders(session: DremioSession): Readonly<Record<string, string>>
  /** Session options to set after the login (SetSessionOptions); empty if the server takes them otherwise. */
  sessionOptions(session: DremioSession): Readonly<Record<string, string>>
  /** Whether a failure means that the server no longer knows the session cookie. */
  isLostSession(failure: GrpcFailure): boolean
  /** Whether the status tells errors of statements apart; otherwise they may come as UNKNOWN or INTERNAL. */
  readonly classifiesErrors: boolean
  /** Whether a ticket may be redeemed more than once. */
  readonly reusableTickets: boolean
  /** Whether statements that change data run as queries, because the server has no update call. */
  readonly updatesByQuery: boolean
  /** Whether the server binds parameters; otherwise the gateway writes them into the statement as literals. */
  readonly preparesStatements: boolean
  /** Whether the gateway may forward transactions and uploads. The server must support them as well. */
  readonly hasTransactions: boolean
  readonly hasIngestion: boolean
  /** Whether the server has catalogs; otherwise the source's name is the only catalog. */
  readonly hasCatalogs: boolean
  /** Whether the server answers questions about keys and cross references. */
  readonly hasKeys: boolean
}
