import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Connection } from '../protocol/connection.ts'

/** Why a lease ended: what was asked for came; the caller stopped it; it failed; or the connection is of no more use. */
export type ReleaseReason = 'done' | 'cancelled' | 'failed' | 'unusable'

/** A connection that belongs to one caller until it is released, which counts once. */
export class Lease {
  readonly connection: Connection
  /** The upstream's own id of the transaction that the connection is in, if it is in one. */
  readonly transactionId: Uint8Array | undefined
  /** Told how it ended when that is after the first answer, of which whoever waited for it has reported success. */
  onLateRelease: ((reason: ReleaseReason, error: unknown) => void) | undefined
  readonly #release: (reason: ReleaseReason) => void
  #released = false

  constructor(connection: Connection, release: (reason: ReleaseReason) => void, transactionId?: Uint8Array) {
    this.connection = connection
    this.transactionId = transactionId
    this.#release = release
  }

  /**
   * Gives the connection back; anything but a clean end destroys it.
   * @param error what went wrong after the first answer
   */
  release(reason: ReleaseReason, error?: unknown): void {
    if (this.#released) return
    this.#released = true
    this.onLateRelease?.(reason, error)
    this.#release(reason)
  }
}

/**
 * Ends a result's lease.
 * @param close run on the connection before it goes back, unless the connection has failed; nobody waits for it
 */
export function endLease(lease: Lease, reason: ReleaseReason, error?: unknown, close?: () => Promise<void>): void {
  if (!close || reason === 'failed') lease.release(reason, error)
  else
    close().then(
      () => lease.release(reason),
      // The rows have all come: what goes wrong now matters to the connection only.
      (error: unknown) => lease.release(releaseReasonOf(error)),
    )
}

/** What an error means for the connection that it came over. */
export function releaseReasonOf(error: unknown, signal?: AbortSignal): ReleaseReason {
  if (signal?.aborted || (error instanceof GatewayError && error.code === 'DEADLINE')) return 'cancelled'
  if (error instanceof GrpcFailure && error.origin === 'upstream')
    return error.status === 'UNAUTHENTICATED' ? 'unusable' : 'done'
  return 'failed'
}
