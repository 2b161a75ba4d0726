import type { GatewayError } from '../../../query/errors.ts'
import { FieldErrors, type FieldProblem } from '../body/field-errors.ts'

/** Content type of errors. Source: RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json'

/** The body of an error, in the words of the error table. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly retryable: boolean
  readonly request_id: string
  /** Position in the statement; both numbers count from 1. */
  readonly position?: { readonly line: number; readonly column: number }
  /** Time to wait before a retry, in milliseconds. */
  readonly retry_after_ms?: number
  /** Figures of the error for programs. */
  readonly details?: Readonly<Record<string, string>>
  /** What is wrong with which field of the request. */
  readonly errors?: FieldProblem[]
}

/** Describes an error for the client. It holds nothing of the cause. */
export function problemOf(error: GatewayError, requestId: string): Problem {
  const { code, row, message, position, retryAfterMs, details } = error
  return {
    type: `urn:flightgate:error:${code}`,
    title: row.message,
    status: row.http,
    detail: message,
    code,
    retryable: row.retryable,
    request_id: requestId,
    ...(position && { position: { line: position.line, column: position.column } }),
    ...(retryAfterMs !== undefined && { retry_after_ms: Math.ceil(retryAfterMs) }),
    ...(details && { details }),
    ...(error instanceof FieldErrors && { errors: [...error.errors] }),
  }
}

/**
 * The headers that an error adds to its answer.
 * @param isConsole whether the console asks: it has its own page to log in, and `Basic` would make browsers ask for a password
 */
export function problemHeaders(
  { code, row, retryAfterMs }: GatewayError,
  isConsole = false,
): Readonly<Record<string, string>> {
  return {
    'content-type': PROBLEM_TYPE,
    'x-flightgate-error': code,
    ...(row.http === 401 && {
      'www-authenticate': `Bearer realm="flightgate"${isConsole ? '' : ', Basic realm="flightgate"'}`,
    }),
    ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
  }
}
