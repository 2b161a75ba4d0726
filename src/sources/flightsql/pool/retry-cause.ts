import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'

/** Why a call is retried. An upstream's message may quote the statement, so the logger decides whether to show it. */
export function causeOfRetry(failure: unknown): { readonly cause: string; readonly err?: unknown } {
  if (!(failure instanceof GrpcFailure)) return { cause: GatewayError.from(failure).publicMessage }
  return failure.origin === 'local' ? { cause: failure.message } : { cause: failure.status, err: failure }
}
