import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'

/** Why a call is tried again. What an upstream says may quote the statement: that is for the logger to decide on. */
export function causeOfRetry(failure: unknown): { readonly cause: string; readonly err?: unknown } {
  if (!(failure instanceof GrpcFailure)) return { cause: GatewayError.from(failure).publicMessage }
  return failure.origin === 'local' ? { cause: failure.message } : { cause: failure.status, err: failure }
}
