import type { GrpcFailure } from '../../../../grpc/client/failure.ts'
import type { DremioSession } from '../../settings.ts'

/** In what servers differ from each other. */
export interface Profile {
  /** Headers that choose what the session is like; sent with every call. */
  sessionHeaders(session: DremioSession): Readonly<Record<string, string>>
  /** Options to set once a connection has logged in (SetSessionOptions), where the server takes its session that way. */
  sessionOptions(session: DremioSession): Readonly<Record<string, string>>
  /** Whether a failure says that the session's cookie is no longer known. */
  isLostSession(failure: GrpcFailure): boolean
  /** Whether the server tells errors of statements by their status; else they may come as UNKNOWN or INTERNAL. */
  readonly classifiesErrors: boolean
  /** Whether a ticket may be redeemed more than once. */
  readonly reusableTickets: boolean
  /** Whether statements that change data go the way of queries, since the server has no other. */
  readonly updatesByQuery: boolean
  /** Whether parameters can be bound; else they are written into the statement as literals. */
  readonly preparesStatements: boolean
  /** Whether transactions and uploads can be passed on, as far as the server has them. */
  readonly hasTransactions: boolean
  readonly hasIngestion: boolean
  /** Whether the server knows catalogs; else the source's name stands for the only one. */
  readonly hasCatalogs: boolean
  /** Whether keys and cross references can be asked for. */
  readonly hasKeys: boolean
}
