import { type ErrorCode, GatewayError, type SqlPosition } from '../../query/errors.ts'
import type { ErrorProto } from './rest/api.ts'
import { LoginFailure, RestFailure } from './rest/rest-failure.ts'

const MAX_TEXT = 2000

/**
 * Error codes by BigQuery's reason, for calls and for jobs.
 * Source: https://cloud.google.com/bigquery/docs/error-messages.
 */
const byReason: Readonly<Record<string, ErrorCode>> = {
  accessDenied: 'UPSTREAM_FORBIDDEN',
  authError: 'UPSTREAM_LOGIN',
  backendError: 'UPSTREAM_BUSY',
  badRequest: 'BAD_SQL',
  billingNotEnabled: 'UPSTREAM_REFUSED',
  billingTierLimitExceeded: 'UPSTREAM_LIMIT',
  blocked: 'UPSTREAM_FORBIDDEN',
  bytesBilledLimitExceeded: 'BUDGET_EXCEEDED',
  duplicate: 'ALREADY_EXISTS',
  forbidden: 'UPSTREAM_FORBIDDEN',
  internalError: 'UPSTREAM_FAILED',
  invalid: 'BAD_SQL',
  invalidParameter: 'BAD_SQL',
  invalidQuery: 'BAD_SQL',
  invalidUser: 'BAD_SQL',
  jobBackendError: 'UPSTREAM_FAILED',
  jobInternalError: 'UPSTREAM_FAILED',
  jobRateLimitExceeded: 'UPSTREAM_EXHAUSTED',
  notFound: 'UNKNOWN_OBJECT',
  notImplemented: 'UPSTREAM_UNIMPLEMENTED',
  parseError: 'BAD_SQL',
  quotaExceeded: 'UPSTREAM_LIMIT',
  rateLimitExceeded: 'UPSTREAM_EXHAUSTED',
  required: 'BAD_SQL',
  resourceInUse: 'UPSTREAM_REFUSED',
  resourcesExceeded: 'UPSTREAM_LIMIT',
  responseTooLarge: 'UPSTREAM_TOO_LARGE',
  stopped: 'UPSTREAM_CANCELLED',
  tableUnavailable: 'UPSTREAM_BUSY',
  timeout: 'UPSTREAM_TIMEOUT',
  userRateLimitExceeded: 'UPSTREAM_EXHAUSTED',
}

/** Error codes by HTTP status, for answers without a known reason. */
const byStatus: Readonly<Record<number, ErrorCode>> = {
  0: 'SOURCE_UNAVAILABLE',
  400: 'BAD_SQL',
  401: 'UPSTREAM_LOGIN',
  403: 'UPSTREAM_FORBIDDEN',
  404: 'UNKNOWN_OBJECT',
  408: 'UPSTREAM_TIMEOUT',
  409: 'ALREADY_EXISTS',
  413: 'UPSTREAM_TOO_LARGE',
  429: 'UPSTREAM_EXHAUSTED',
  500: 'UPSTREAM_FAILED',
  501: 'UPSTREAM_UNIMPLEMENTED',
  502: 'UPSTREAM_BUSY',
  503: 'UPSTREAM_BUSY',
  504: 'UPSTREAM_BUSY',
}

/** Codes whose message by BigQuery the client may read: it is about the statement, its objects or a limit. */
const quoted = new Set<ErrorCode>([
  'BAD_SQL',
  'UNKNOWN_OBJECT',
  'ALREADY_EXISTS',
  'UPSTREAM_FORBIDDEN',
  'BUDGET_EXCEEDED',
  'UPSTREAM_LIMIT',
  'UPSTREAM_REFUSED',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_TOO_LARGE',
  'UPSTREAM_UNIMPLEMENTED',
])

/** Converts a failure of BigQuery to the error that a client may see. Returns anything else unchanged. */
export function bigQueryError(thrown: unknown, source: string): unknown {
  if (thrown instanceof LoginFailure && thrown.deniedAccount !== undefined)
    return new GatewayError(
      'UPSTREAM_FORBIDDEN',
      `The login of the source ${source} may not act as the service account ${thrown.deniedAccount}, or there is no such account: its operator must grant the login the role roles/iam.serviceAccountTokenCreator on it.`,
      { cause: thrown },
    )
  if (thrown instanceof LoginFailure)
    return new GatewayError('UPSTREAM_LOGIN', sentence('UPSTREAM_LOGIN', source), { cause: thrown })
  if (!(thrown instanceof RestFailure)) return thrown
  const { status, reason, message, location, retryAfterMs } = thrown
  // A login that BigQuery rejects has different reasons.
  const code = status === 401 ? 'UPSTREAM_LOGIN' : codeOf(reason, status)
  return errorOf(code, { reason: reason ?? String(status), message, location }, source, { cause: thrown, retryAfterMs })
}

/** The error of a job that has ended with this error. */
export function jobError(error: ErrorProto, source: string): GatewayError {
  const { reason, message = '' } = error
  const cause = new Error(`${reason}: ${message}`)
  return errorOf(codeOf(reason, -1), { ...error, reason, message }, source, { cause })
}

function codeOf(reason: string | undefined, status: number): ErrorCode {
  return (reason === undefined ? undefined : byReason[reason]) ?? byStatus[status] ?? 'UPSTREAM_FAILED'
}

interface Told {
  readonly reason: string | undefined
  readonly message: string
  readonly location?: string | undefined
}

function errorOf(
  code: ErrorCode,
  { reason, message, location }: Told,
  source: string,
  { cause, retryAfterMs }: { cause: unknown; retryAfterMs?: number | undefined },
): GatewayError {
  const text = quoted.has(code) ? cleaned(message) : ''
  const position = code === 'BAD_SQL' ? positionOf(message, location) : undefined
  return new GatewayError(code, text === '' ? sentence(code, source) : explained(code, text, reason, source), {
    cause,
    ...(reason !== undefined && { engineError: reason }),
    ...(position && { position }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

/**
 * BigQuery answers 403 for a dataset or project that does not exist, and 404 for a table that the credentials may not see: both
 * errors say both.
 */
function explained(code: ErrorCode, text: string, reason: string | undefined, source: string): string {
  if (code === 'UPSTREAM_FORBIDDEN') return `No permission, or it does not exist. BigQuery says: ${text}`
  if (code === 'UNKNOWN_OBJECT') return `It does not exist, or there is no permission to see it. BigQuery says: ${text}`
  if (reason === 'bytesBilledLimitExceeded')
    return `${text} That is more than the gateway reserved or allows for it: the tables may have grown since it was planned, so plan it again.`
  if (code === 'UPSTREAM_TIMEOUT' || code === 'UPSTREAM_UNIMPLEMENTED')
    return `${sentence(code, source)} BigQuery says: ${text}`
  if (code === 'UPSTREAM_TOO_LARGE')
    return `The result is too large: select fewer rows or columns, or write it into a table. ${text}`
  return text
}

function sentence(code: ErrorCode, source: string): string | undefined {
  const by: Readonly<Partial<Record<ErrorCode, string>>> = {
    SOURCE_UNAVAILABLE: `The source ${source} cannot be reached, or closed the connection: try again later.`,
    UPSTREAM_BUSY: `The source ${source} had no resources for the statement, or failed at reading: try again later.`,
    UPSTREAM_LOGIN: `The source ${source} does not take the gateway's login: its operator must fix it.`,
    UPSTREAM_TIMEOUT: `The source ${source} ended the statement at a time limit of its own.`,
    UPSTREAM_CANCELLED: `The source ${source} cancelled the statement.`,
    UPSTREAM_UNIMPLEMENTED: `The source ${source} does not offer this.`,
    UPSTREAM_EXHAUSTED: `The source ${source} is at a limit of its own: try again later.`,
    UPSTREAM_FAILED: `The source ${source} failed at the statement: the gateway's log tells more under the request id.`,
  }
  return by[code]
}

/** The position that a message ends with, as in `Syntax error: Unexpected keyword FROM at [1:8]`. */
function positionOf(message: string, location: string | undefined): SqlPosition | undefined {
  const match = / at \[(\d{1,9}):(\d{1,9})\]$/m.exec(message) ?? /^(\d{1,9}):(\d{1,9})$/.exec(location ?? '')
  return match ? { line: Number(match[1]), column: Number(match[2]) } : undefined
}

function cleaned(message: string): string {
  const text = message.replace(/\p{Cc}+/gu, (control) => (control.includes('\n') ? '\n' : ' ')).trim()
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text
}
