import { ArrowError } from '../../../arrow/errors.ts'
import { toGatewayError } from '../../../grpc/server/status.ts'
import { GatewayError } from '../../../query/errors.ts'

/** The error for the client of what has ended an answer: of its result, its encoder or its connection. */
export function answerErrorOf(thrown: unknown): GatewayError {
  if (!(thrown instanceof ArrowError)) return toGatewayError(thrown)
  if (thrown.code === 'ROW_TOO_LARGE') return new GatewayError('ROW_TOO_LARGE', thrown.message)
  if (thrown.code === 'UNSUPPORTED') return new GatewayError('UNSUPPORTED_TYPE', thrown.message)
  return new GatewayError('UPSTREAM_DATA', undefined, { cause: thrown })
}
