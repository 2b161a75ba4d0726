import type { UpstreamAddress } from '../../../grpc/client/address.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Span } from '../../../query/tracing/span.ts'

/** Begins the span of a call to an upstream. @param path of the method */
export function beginUpstreamSpan(parent: Span, path: string, address: UpstreamAddress): Span {
  const method = path.slice(1)
  return parent.child(method, {
    kind: 'client',
    attributes: {
      'rpc.system.name': 'grpc',
      'rpc.method': method,
      'server.address': address.host,
      'server.port': address.port,
    },
  })
}

/** Ends the span of a call. The server's message stays out, since it may quote a statement. */
export function endUpstreamSpan(span: Span, failure: unknown): void {
  const status = statusOf(failure)
  span.set({ 'rpc.response.status_code': status })
  span.end(status === 'OK' ? undefined : { type: status, isFault: status !== 'CANCELLED' })
}

function statusOf(failure: unknown): string {
  if (failure === undefined) return 'OK'
  if (failure instanceof GrpcFailure) return failure.status
  return failure instanceof GatewayError ? failure.grpc : 'UNKNOWN'
}
