import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Connection } from '../protocol/connection.ts'

/** Why a lease ended: what was asked for came; the caller stopped it; it failed; or the connection is of no more use. */
export type ReleaseReason = 'done' | 'cancelled' | 'failed' | 'unusable'

/** How a lease ended. */
export interface LeaseEnd {
  readonly reason: ReleaseReason
  /** What went wrong with a result, if something did. */
  readonly error: unknown
  /** Whether a result had kept the lease: the call itself counts as a success already. */
  readonly isKept: boolean
}

/**
 * A connection that belongs to one owner until it is released, which counts once. The owner is the function that took the
 * lease (`using lease = ...` releases it in every case), unless a result keeps it to go on after that function.
 */
export class Lease implements Disposable {
  readonly connection: Connection
  /** The upstream's own id of the transaction that the connection is in, if it is in one. */
  readonly transactionId: Uint8Array | undefined
  readonly #isKept: boolean
  /** Undefined once the lease is released, or kept by another owner. */
  #onEnd: ((end: LeaseEnd) => void) | undefined

  /** @param onEnd told once how the lease ended */
  constructor(
    connection: Connection,
    onEnd: ((end: LeaseEnd) => void) | undefined,
    transactionId?: Uint8Array,
    isKept = false,
  ) {
    this.connection = connection
    this.transactionId = transactionId
    this.#onEnd = onEnd
    this.#isKept = isKept
  }

  /** Moves the connection to a new lease, whose owner releases it; releasing this one does nothing any more. */
  keep(): Lease {
    const kept = new Lease(this.connection, this.#onEnd, this.transactionId, true)
    this.#onEnd = undefined
    return kept
  }

  /**
   * Gives the connection back; anything but a clean end destroys it.
   * @param error what went wrong with a result
   */
  release(reason: ReleaseReason, error?: unknown): void {
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    onEnd?.({ reason, error, isKept: this.#isKept })
  }

  /** Gives the connection back in order, unless that has happened or a result has kept it. */
  [Symbol.dispose](): void {
    this.release('done')
  }
}

/**
 * Ends a result's lease.
 * @param close run on the connection before it goes back, unless the connection has failed; the reader does not wait for it
 */
export function endLease(lease: Lease, reason: ReleaseReason, error?: unknown, close?: () => Promise<void>): void {
  if (!close || reason === 'failed') lease.release(reason, error)
  else releaseAfter(close(), lease, reason)
}

/**
 * Keeps a lease until the last call on its connection has ended; the caller need not wait for that.
 * @param signal the one of the call
 */
export function releaseAfter(
  call: Promise<void>,
  lease: Lease,
  reason: ReleaseReason = 'done',
  signal?: AbortSignal,
): void {
  const kept = lease.keep()
  call.then(
    () => kept.release(reason),
    // The client has its answer: an error now matters to the connection only.
    (error: unknown) => kept.release(releaseReasonOf(error, signal)),
  )
}

/** What an error means for the connection that it came over. */
export function releaseReasonOf(error: unknown, signal?: AbortSignal): ReleaseReason {
  if (signal?.aborted || (error instanceof GatewayError && error.code === 'DEADLINE')) return 'cancelled'
  if (error instanceof GrpcFailure && error.origin === 'upstream')
    return error.status === 'UNAUTHENTICATED' ? 'unusable' : 'done'
  return 'failed'
}
