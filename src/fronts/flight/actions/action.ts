import type { GrpcCall } from '../../../grpc/server/call.ts'
import type { Context } from '../../../query/types.ts'
import type { FlightFront } from '../front.ts'

/** One action of DoAction: what it is called, what it does, and how. */
export interface FlightAction {
  readonly type: string
  readonly description: string
  /** Answers with the body of the only result, or undefined when there is none. */
  handle(front: FlightFront, body: Uint8Array, ctx: Context, call: GrpcCall): Promise<Uint8Array | undefined>
}
