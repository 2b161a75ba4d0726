/** gRPC status codes by name, https://grpc.github.io/grpc/core/md_doc_statuscodes.html. */
export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const
export type GrpcStatusName = keyof typeof GrpcStatus

/** How the gateway treats errors with a code. */
interface Traits {
  /** The source failed or rejected the call for a reason other than the request: cached data of the source stays in use. */
  readonly outage?: true
  /** The gateway or a source has malfunctioned: the gateway logs an error line. */
  readonly fault?: true
  /** The source is overloaded: the adaptive limiter reduces its slots. */
  readonly overload?: true
  /** The message may quote a statement, the engine or a value: logs contain it only where settings allow that. */
  readonly quotes?: true
}

interface Row extends Traits {
  readonly grpc: GrpcStatusName
  readonly http: number
  /** Whether the client can retry the same call unchanged. */
  readonly retryable: boolean
  /** Default message for the client; an error may carry a more specific one. */
  readonly message: string
}

const row = (grpc: GrpcStatusName, http: number, retryable: boolean, message: string, traits: Traits = {}): Row => ({
  grpc,
  http,
  retryable,
  message,
  ...traits,
})

/** All errors that a client can see. `docs/errors.md` is generated from this table. */
export const errorTable = {
  BAD_REQUEST: row('INVALID_ARGUMENT', 400, false, 'The request is malformed.', { quotes: true }),
  BAD_TICKET: row(
    'INVALID_ARGUMENT',
    400,
    false,
    'This is not a ticket of this gateway: call GetFlightInfo to get one.',
  ),
  BAD_HANDLE: row(
    'INVALID_ARGUMENT',
    400,
    false,
    'This is not a prepared statement of this gateway: prepare it again.',
  ),
  FORGED_TICKET: row(
    'UNAUTHENTICATED',
    401,
    false,
    'The ticket was not sealed by this gateway, or its key is gone: call GetFlightInfo again.',
  ),
  EXPIRED_TICKET: row('UNAUTHENTICATED', 401, false, 'The ticket has expired: call GetFlightInfo again.'),
  FOREIGN_TICKET: row('PERMISSION_DENIED', 403, false, 'The ticket belongs to another principal.'),
  UNAUTHENTICATED: row('UNAUTHENTICATED', 401, false, 'Give valid credentials: an API key or a bearer token.'),
  EXPIRED_TOKEN: row('UNAUTHENTICATED', 401, false, 'The bearer token has expired: log in again.'),
  ISSUER_UNAVAILABLE: row('UNAVAILABLE', 503, true, 'The issuer of the token does not answer: try again later.'),
  FORBIDDEN: row('PERMISSION_DENIED', 403, false, 'The principal may not do this.'),
  READ_ONLY: row('PERMISSION_DENIED', 403, false, 'The source is read-only.'),
  UNSAFE_STATEMENT: row(
    'INVALID_ARGUMENT',
    400,
    false,
    'The call only reads (method QUERY, or the header x-flightgate-read-only), and this statement may change data: send it with POST, and without the header.',
  ),
  SANDBOXED: row('PERMISSION_DENIED', 403, false, 'Queries cannot reach files, the network, extensions or settings.'),
  UNKNOWN_SOURCE: row('NOT_FOUND', 404, false, 'There is no such source.'),
  UNKNOWN_OBJECT: row('NOT_FOUND', 404, false, 'There is no such table, view or schema.', { quotes: true }),
  UNKNOWN_TRANSACTION: row(
    'NOT_FOUND',
    404,
    false,
    'The transaction is over, or was begun on another replica: begin a new one.',
  ),
  UNKNOWN_QUERY: row(
    'NOT_FOUND',
    404,
    false,
    'There is no such statement among those that wait or run and that you may see: it has ended, or it belongs to another principal.',
  ),
  UNKNOWN_PRINCIPAL: row('NOT_FOUND', 404, false, 'There is no such principal.'),
  UNREAD_RESULT: row(
    'FAILED_PRECONDITION',
    409,
    false,
    'A result of the same transaction is half read: read it to its end or close it first, or use autocommit.',
  ),
  NOT_CACHED: row(
    'NOT_FOUND',
    504,
    false,
    'The cache has no such rows: leave out `only-if-cached` to run the statement.',
  ),
  UNKNOWN_ROUTE: row('UNIMPLEMENTED', 404, false, 'There is no such route: see the OpenAPI document.', {
    quotes: true,
  }),
  WRONG_METHOD: row(
    'UNIMPLEMENTED',
    405,
    false,
    'The route does not have this method: the header allow lists those that it has.',
  ),
  NOT_ACCEPTABLE: row(
    'INVALID_ARGUMENT',
    406,
    false,
    'The route has no answer of a type that the header accept names.',
    { quotes: true },
  ),
  WRONG_CONTENT_TYPE: row('INVALID_ARGUMENT', 415, false, 'The body must be application/json, not compressed.', {
    quotes: true,
  }),
  BODY_TIMEOUT: row('DEADLINE_EXCEEDED', 408, true, 'The body did not arrive in time.'),
  NOT_RESUMABLE: row(
    'FAILED_PRECONDITION',
    409,
    false,
    'The result is not kept, so the stream cannot be resumed: send the request again without last-event-id.',
  ),
  UNKNOWN_ACTION: row('UNIMPLEMENTED', 501, false, 'There is no such action: see ListActions.'),
  BAD_SQL: row('INVALID_ARGUMENT', 400, false, 'The statement cannot be run.', { quotes: true }),
  BAD_DATA: row('INVALID_ARGUMENT', 400, false, 'The statement failed on a value.', { quotes: true }),
  CONFLICT: row('ABORTED', 409, true, 'The statement conflicts with another transaction: run it again.', {
    quotes: true,
  }),
  ALREADY_EXISTS: row('ALREADY_EXISTS', 409, false, 'The object exists already.', { quotes: true }),
  TOO_LARGE: row('RESOURCE_EXHAUSTED', 413, false, 'The message is larger than the limit.'),
  ROW_TOO_LARGE: row('RESOURCE_EXHAUSTED', 413, false, 'One row is larger than limits.maxRowBytes.'),
  OUT_OF_MEMORY: row('RESOURCE_EXHAUSTED', 507, false, 'The statement needs more memory than the source may use.'),
  TOO_MANY_SESSIONS: row('RESOURCE_EXHAUSTED', 429, true, 'The principal has too many sessions: close some.'),
  TOO_MANY_TRANSACTIONS: row('RESOURCE_EXHAUSTED', 429, true, 'The principal has too many transactions: end some.'),
  QUEUE_FULL: row('RESOURCE_EXHAUSTED', 429, true, 'Too many statements are waiting: try again later.'),
  QUEUE_TIMEOUT: row('RESOURCE_EXHAUSTED', 429, true, 'The statement waited too long for a slot: try again later.'),
  RATE_LIMITED: row('RESOURCE_EXHAUSTED', 429, true, 'Too many requests in this minute: try again later.'),
  QUOTA_EXCEEDED: row('RESOURCE_EXHAUSTED', 429, true, 'A quota of the principal is used up: try again later.'),
  BUDGET_EXCEEDED: row(
    'RESOURCE_EXHAUSTED',
    429,
    false,
    'The statement costs more than a budget allows: the details name the budget and its figures.',
  ),
  SLOT_LOST: row(
    'RESOURCE_EXHAUSTED',
    429,
    true,
    'The client did not read the result while another principal waited for its slot: read results without pauses, or open fewer at once.',
  ),
  FELL_BEHIND: row(
    'RESOURCE_EXHAUSTED',
    429,
    true,
    'Other clients read the same rows so much faster that the gateway could not keep what this client lacks: run the statement again.',
  ),
  CACHE_LOST: row(
    'UNAVAILABLE',
    503,
    true,
    'The rest of the rows is no longer in the cache, or the replica that ran the statement has stopped: run the statement again.',
  ),
  STALLED: row('DEADLINE_EXCEEDED', 408, false, 'The client stopped reading for longer than the stall limit.'),
  DEADLINE: row('DEADLINE_EXCEEDED', 504, true, 'The deadline has passed.'),
  PLAN_TIMEOUT: row(
    'DEADLINE_EXCEEDED',
    504,
    false,
    'Planning the statement takes too long: ask for fewer columns, joins or nested levels.',
  ),
  CANCELLED: row('CANCELLED', 499, false, 'The call was cancelled.'),
  UNIMPLEMENTED: row('UNIMPLEMENTED', 501, false, 'This gateway does not implement the call.', { quotes: true }),
  UNSUPPORTED_TYPE: row('UNIMPLEMENTED', 501, false, 'A column has a type that cannot be sent as Arrow: cast it.', {
    quotes: true,
  }),
  DRAINING: row('UNAVAILABLE', 503, true, 'The gateway is shutting down: retry against another instance.'),
  STATE_UNAVAILABLE: row(
    'UNAVAILABLE',
    503,
    true,
    'The gateway cannot reach the state that its replicas share: try again later.',
  ),
  AUDIT_UNAVAILABLE: row(
    'UNAVAILABLE',
    503,
    true,
    'The gateway cannot write its audit log, and runs nothing that it cannot record: try again later.',
  ),
  REPLICA_UNAVAILABLE: row(
    'UNAVAILABLE',
    503,
    true,
    'The replica that has the transaction or the statement does not answer: try again, or begin anew.',
  ),
  SOURCE_DRAINING: row('UNAVAILABLE', 503, true, 'An operator has closed the source for now: try again later.'),
  SOURCE_UNAVAILABLE: row('UNAVAILABLE', 503, true, 'The source does not answer.', { outage: true }),
  UPSTREAM_BUSY: row(
    'UNAVAILABLE',
    503,
    true,
    'The source had no resources for the statement, or failed at reading: try again later.',
    { outage: true, overload: true },
  ),
  UPSTREAM_EXHAUSTED: row('RESOURCE_EXHAUSTED', 429, true, 'The source is at a limit of its own: try again later.', {
    outage: true,
    overload: true,
  }),
  UPSTREAM_LIMIT: row(
    'RESOURCE_EXHAUSTED',
    429,
    false,
    'The statement is above a limit of the source, or a quota of the source is used up: ask for less, or have the limit raised.',
    { outage: true, quotes: true },
  ),
  UPSTREAM_REFUSED: row(
    'FAILED_PRECONDITION',
    409,
    false,
    'The source cannot run this in its present state: its operator must change that.',
    { outage: true, quotes: true },
  ),
  UPSTREAM_TOO_LARGE: row(
    'RESOURCE_EXHAUSTED',
    502,
    false,
    "The source sent a message above the limit for its messages: ask for less at once, or raise the source's maxMessageBytes.",
    { outage: true, quotes: true },
  ),
  UPSTREAM_TIMEOUT: row('DEADLINE_EXCEEDED', 504, true, 'The source ended the statement at a time limit of its own.', {
    outage: true,
    overload: true,
    quotes: true,
  }),
  UPSTREAM_CANCELLED: row('ABORTED', 409, true, 'The source cancelled the statement.', { outage: true }),
  UPSTREAM_FORBIDDEN: row('PERMISSION_DENIED', 403, false, 'The source does not let the gateway do this.', {
    outage: true,
    quotes: true,
  }),
  UPSTREAM_UNIMPLEMENTED: row('UNIMPLEMENTED', 501, false, 'The source does not offer this.', {
    outage: true,
    quotes: true,
  }),
  UPSTREAM_LOGIN: row('UNAVAILABLE', 502, false, "The source does not take the gateway's login.", { outage: true }),
  UPSTREAM_DATA: row('DATA_LOSS', 502, true, 'The source sent malformed or cut-off data.', {
    outage: true,
    fault: true,
  }),
  UPSTREAM_FAILED: row(
    'INTERNAL',
    502,
    false,
    "The source failed at the statement: the gateway's log tells more under the request id.",
    { outage: true, fault: true },
  ),
  INTERNAL: row('INTERNAL', 500, false, 'The gateway failed: its log has the details under the request id.', {
    fault: true,
  }),
} as const satisfies Record<string, Row>

export type ErrorCode = keyof typeof errorTable

/** Position of an error in a statement; both numbers count from 1. */
export interface SqlPosition {
  readonly line: number
  readonly column: number
}

/** Optional details of an error. All but `cause` may be sent to the client. */
export interface GatewayErrorOptions {
  /** Logged, never sent. */
  readonly cause?: unknown
  readonly position?: SqlPosition
  /** Suggested delay before a retry, in milliseconds. */
  readonly retryAfterMs?: number
  /** The engine's kind of error, from a fixed list. */
  readonly engineError?: string
  /** Figures of the error for programs, by name in snake_case. */
  readonly details?: Readonly<Record<string, string>>
  /** The engine's metadata that the client may see, as in `CallMetadata`. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** The only error that leaves the pipeline. `message` is safe to send: no stack, no secret, no upstream internals. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly position: SqlPosition | undefined
  readonly retryAfterMs: number | undefined
  readonly metadata: Readonly<Record<string, string>> | undefined
  readonly engineError: string | undefined
  readonly details: Readonly<Record<string, string>> | undefined

  constructor(code: ErrorCode, message?: string, options: GatewayErrorOptions = {}) {
    super(message ?? errorTable[code].message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.position = options.position
    this.retryAfterMs = options.retryAfterMs
    this.metadata = options.metadata
    this.engineError = options.engineError
    this.details = options.details
  }

  /** The error's row in the table. */
  get row(): Row {
    return errorTable[this.code]
  }

  /** The message without quotes from a statement, an engine or a value. */
  get publicMessage(): string {
    return this.row.quotes ? this.row.message : this.message
  }

  /** Name of the gRPC status. */
  get grpc(): GrpcStatusName {
    return this.row.grpc
  }

  /** HTTP status code. */
  get http(): number {
    return this.row.http
  }

  get retryable(): boolean {
    return this.row.retryable
  }

  /** Returns a GatewayError unchanged, and wraps anything else as the cause of an INTERNAL error. */
  static from(thrown: unknown): GatewayError {
    return thrown instanceof GatewayError ? thrown : new GatewayError('INTERNAL', undefined, { cause: thrown })
  }
}
