import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Connection } from '../protocol/connection.ts'
import { RefusedLogin } from '../protocol/refused-login.ts'

/** Why a lease ended: the call completed, the caller cancelled it, it failed, or the connection must not be reused. */
export type ReleaseReason = 'done' | 'cancelled' | 'failed' | 'unusable'

/** How a lease ended. */
export interface LeaseEnd {
  readonly reason: ReleaseReason
  /** The error of the result, if there was one. */
  readonly error: unknown
  /** Whether a result had kept the lease. The breaker has then already counted the call as a success. */
  readonly isKept: boolean
}

/**
 * A connection with one owner until its release; only the first release counts. The owner is the function that acquired the
 * lease (`using lease = ...` releases it in every case), unless a result keeps the lease beyond that function.
 */
export class Lease implements Disposable {
  readonly connection: Connection
  /** The upstream's id of the transaction on this connection, if there is one. */
  readonly transactionId: Uint8Array | undefined
  readonly #isKept: boolean
  /** Undefined once the lease is released or has moved to another owner. */
  #onEnd: ((end: LeaseEnd) => void) | undefined

  /** @param onEnd called once with how the lease ended */
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

  /** Moves the connection to a new lease, whose owner must release it. Releasing this lease then has no effect. */
  keep(): Lease {
    const kept = new Lease(this.connection, this.#onEnd, this.transactionId, true)
    this.#onEnd = undefined
    return kept
  }

  /**
   * Returns the connection to the pool. The reasons `failed` and `unusable` destroy it.
   * @param error the error of the result
   */
  release(reason: ReleaseReason, error?: unknown): void {
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    onEnd?.({ reason, error, isKept: this.#isKept })
  }

  /** Releases the lease as `done`, unless it is already released or a result has kept it. */
  [Symbol.dispose](): void {
    this.release('done')
  }
}

/**
 * Ends the lease of a result.
 * @param close runs on the connection before its release, unless the connection has failed; the reader does not wait for it
 */
export function endLease(lease: Lease, reason: ReleaseReason, error?: unknown, close?: () => Promise<void>): void {
  if (!close || reason === 'failed') lease.release(reason, error)
  else releaseAfter(close(), lease, reason)
}

/**
 * Keeps a lease until the last call on its connection ends. The caller does not wait for it.
 * @param signal of that call
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
    // The client already has its answer: an error now affects only the connection.
    (error: unknown) => kept.release(releaseReasonOf(error, signal)),
  )
}

/** The release reason for the connection on which an error occurred. */
export function releaseReasonOf(error: unknown, signal?: AbortSignal): ReleaseReason {
  if (signal?.aborted || (error instanceof GatewayError && error.code === 'DEADLINE')) return 'cancelled'
  if (error instanceof GrpcFailure && error.origin === 'upstream')
    return error.status === 'UNAUTHENTICATED' || error instanceof RefusedLogin ? 'unusable' : 'done'
  return 'failed'
}
