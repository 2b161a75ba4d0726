import type { GrpcCall } from '../../grpc/server/call.ts'

/** Finds the process that has what a call needs. */
export interface CallOwners {
  /** Id of this process. */
  readonly self: string
  /**
   * Returns if the call can run here.
   * @param owner the process that has a statement of the call; undefined if none does
   * @throws OwnedElsewhere if that is another process to which the call can go. GatewayError STATE_UNAVAILABLE
   */
  seek(owner: string | undefined, call: GrpcCall): Promise<void>
}
