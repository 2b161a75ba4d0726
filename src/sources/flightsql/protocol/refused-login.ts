import { GrpcFailure } from '../../../grpc/client/failure.ts'

/**
 * The upstream refuses a login that stands for some callers only. That proves no fault of the upstream, which the others still use:
 * the status is that of an answer about the caller.
 */
export class RefusedLogin extends GrpcFailure {
  /** The callers, such as `the group finance`. */
  readonly standsFor: string

  constructor(standsFor: string, cause: GrpcFailure) {
    super('PERMISSION_DENIED', cause.message, 'upstream', { cause })
    this.standsFor = standsFor
  }
}
