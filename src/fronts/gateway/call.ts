import type { GrpcCall } from '../../grpc/server/call.ts'
import type { CallScope } from '../../statements/query-builder.ts'
import { CallContext } from '../grpc/call-context.ts'
import * as grpc from '../grpc/call-scope.ts'
import type { GatewayFront } from './front.ts'

/** Returns the context of an authenticated call. */
export function contextOf(front: GatewayFront, call: GrpcCall): CallContext {
  return new CallContext(call, front.log, 'gateway')
}

/** Returns the scope of a call. @throws GatewayError as `scopeOf` of `fronts/grpc` */
export async function scopeOf(front: GatewayFront, call: GrpcCall): Promise<CallScope> {
  return await grpc.scopeOf(front, call, contextOf(front, call))
}
