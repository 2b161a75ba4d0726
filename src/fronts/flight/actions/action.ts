import type { GrpcCall } from '../../../grpc/server/call.ts'
import type { Context } from '../../../query/types.ts'
import type { FlightFront } from '../front.ts'

/** One action of DoAction. */
export interface FlightAction {
  readonly type: string
  readonly description: string
  /** Runs the action. Returns the body of its one result, or undefined if it has none. */
  handle(front: FlightFront, body: Uint8Array, ctx: Context, call: GrpcCall): Promise<Uint8Array | undefined>
}
