import { withClientDeadline } from '../../../grpc/client/client-deadline.ts'
import { GrpcFailure, OversizedAnswer, OversizedMessage } from '../../../grpc/client/failure.ts'
import { type ErrorCode, GatewayError, type GatewayErrorOptions, type GrpcStatusName } from '../../../query/errors.ts'

/**
 * Why the Storage Read API cannot be used, though the REST API may have the same rows: the login lacks a permission, BigQuery
 * does not offer these rows there (a view, a small result, an INTERVAL that is too long), or the endpoint cannot be reached.
 */
export type StorageRefusal = 'forbidden' | 'unsupported' | 'unreachable'

/** The Storage Read API failed before it gave a row: the rows may be read by REST instead. */
export class StorageRefused extends GatewayError {
  readonly refusal: StorageRefusal

  constructor(refusal: StorageRefusal, code: ErrorCode, message: string, options: GatewayErrorOptions) {
    super(code, message, options)
    this.refusal = refusal
  }
}

const MAX_TEXT = 1000

/** Error codes by status, for answers of BigQuery. Source: https://cloud.google.com/bigquery/docs/reference/storage. */
const answered: Readonly<Partial<Record<GrpcStatusName, ErrorCode>>> = {
  NOT_FOUND: 'UNKNOWN_OBJECT',
  PERMISSION_DENIED: 'UPSTREAM_FORBIDDEN',
  UNAUTHENTICATED: 'UPSTREAM_LOGIN',
  RESOURCE_EXHAUSTED: 'UPSTREAM_EXHAUSTED',
  UNIMPLEMENTED: 'UPSTREAM_UNIMPLEMENTED',
  DEADLINE_EXCEEDED: 'UPSTREAM_TIMEOUT',
  CANCELLED: 'UPSTREAM_CANCELLED',
  UNAVAILABLE: 'UPSTREAM_BUSY',
  ABORTED: 'UPSTREAM_BUSY',
  DATA_LOSS: 'UPSTREAM_DATA',
}

/** Error codes by status, for failures without an answer. */
const broken: Readonly<Partial<Record<GrpcStatusName, ErrorCode>>> = {
  RESOURCE_EXHAUSTED: 'UPSTREAM_EXHAUSTED',
  DEADLINE_EXCEEDED: 'UPSTREAM_TIMEOUT',
  DATA_LOSS: 'UPSTREAM_DATA',
}

/** Statuses with which BigQuery refuses to read an object or a value that REST can show. */
const unsupported = new Set<GrpcStatusName>([
  'UNIMPLEMENTED',
  'INVALID_ARGUMENT',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
])

/**
 * Converts a failure of the Storage Read API to the error that a client may see. Returns anything else unchanged.
 * @param hasRows whether rows were passed on; if not, the error may be a `StorageRefused`
 */
export function storageError(thrown: unknown, source: string, deadlineAt: number, hasRows: boolean): unknown {
  const error = withClientDeadline(thrown, deadlineAt)
  if (!(error instanceof GrpcFailure)) return error
  const { code, said } = codeAndText(error, source)
  const options = { cause: error, ...(error.origin === 'upstream' && { engineError: error.status }) }
  const refusal = hasRows ? undefined : refusalOf(error)
  return refusal ? new StorageRefused(refusal, code, said, options) : new GatewayError(code, said, options)
}

function refusalOf({ status, origin, message }: GrpcFailure): StorageRefusal | undefined {
  if (origin === 'local') return status === 'UNAVAILABLE' || status === 'DEADLINE_EXCEEDED' ? 'unreachable' : undefined
  if (status === 'PERMISSION_DENIED') return 'forbidden'
  return unsupported.has(status) || /not available/i.test(message) ? 'unsupported' : undefined
}

function codeAndText(error: GrpcFailure, source: string): { code: ErrorCode; said: string } {
  const { status, origin, message } = error
  if (error instanceof OversizedMessage || error instanceof OversizedAnswer)
    return { code: 'UPSTREAM_TOO_LARGE', said: `The source ${source} sent too much at once: ${message}.` }
  if (/(stream|session) (has )?expired/i.test(message)) {
    const said = `The read session of the source ${source} has expired: BigQuery keeps one for 6 hours. Run the statement again, or read its result faster.`
    return { code: 'UPSTREAM_TIMEOUT', said }
  }
  if (origin === 'local') {
    const code = broken[status] ?? 'SOURCE_UNAVAILABLE'
    return {
      code,
      said: code === 'UPSTREAM_DATA' ? `${sentence(code, source)} ${cleaned(message)}.` : sentence(code, source),
    }
  }
  const code = answered[status] ?? 'UPSTREAM_FAILED'
  if (code === 'UNKNOWN_OBJECT') return { code, said: cleaned(message) || `The source ${source} has no such table.` }
  return { code, said: sentence(code, source) }
}

function sentence(code: ErrorCode, source: string): string {
  const by: Readonly<Partial<Record<ErrorCode, string>>> = {
    UPSTREAM_FORBIDDEN: `The login of the source ${source} may not read by the Storage Read API: grant it the role BigQuery Read Session User (roles/bigquery.readSessionUser) and read access to the table.`,
    UPSTREAM_LOGIN: `The source ${source} does not take the gateway's login: its operator must fix it.`,
    UPSTREAM_EXHAUSTED: `The source ${source} is at a quota of the Storage Read API: try again later.`,
    UPSTREAM_UNIMPLEMENTED: `The source ${source} does not offer the Storage Read API.`,
    UPSTREAM_TIMEOUT: `The Storage Read API of the source ${source} did not answer in time.`,
    UPSTREAM_CANCELLED: `The source ${source} cancelled the read.`,
    UPSTREAM_BUSY: `The Storage Read API of the source ${source} is not available now: try again later.`,
    UPSTREAM_DATA: `The source ${source} sent malformed or cut-off data.`,
    SOURCE_UNAVAILABLE: `The Storage Read API of the source ${source} cannot be reached, or closed the connection: try again later.`,
  }
  return by[code] ?? `The source ${source} failed at reading: the gateway's log tells more under the request id.`
}

function cleaned(message: string): string {
  const text = message.replace(/\p{Cc}+/gu, ' ').trim()
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text
}
