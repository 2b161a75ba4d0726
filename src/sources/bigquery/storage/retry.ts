import { setTimeout as sleep } from 'node:timers/promises'
import { CutOff, GrpcFailure, OversizedAnswer, OversizedMessage } from '../../../grpc/client/failure.ts'

/** Attempts in a row that may fail without a row between them. */
const MAX_ATTEMPTS = 6
const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 5000

/** Statuses of the server after which the same read may succeed. */
const passing = new Set(['UNAVAILABLE', 'ABORTED', 'INTERNAL', 'DEADLINE_EXCEEDED'])
/** Local failures: the connection was lost, or the server reset the stream. */
const broken = new Set(['UNAVAILABLE', 'CANCELLED', 'RESOURCE_EXHAUSTED'])

/**
 * Whether the same read may succeed when it is made again. Servers end idle streams with ABORTED, and long ones with
 * RST_STREAM, INTERNAL or "Stream removed". PERMISSION_DENIED never passes.
 * Source: https://cloud.google.com/bigquery/docs/reference/storage (errors); google/cloud/bigquery_storage_v1/reader.py of
 * python-bigquery-storage.
 */
function isPassing(error: unknown): boolean {
  if (error instanceof CutOff) return true
  if (!(error instanceof GrpcFailure)) return false
  if (error instanceof OversizedMessage || error instanceof OversizedAnswer) return false
  if (error.origin === 'local') return broken.has(error.status)
  return passing.has(error.status) || /stream removed/i.test(error.message)
}

/** Counts the failed attempts of one read, and waits between them. */
export class Attempts {
  #failed = 0

  /** The read made progress. */
  reset(): void {
    this.#failed = 0
  }

  /**
   * Waits before the next attempt; the delay grows and is randomized.
   * @throws the error itself if another attempt is no use or was the last; the signal's reason
   */
  async next(error: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (!isPassing(error) || ++this.#failed >= MAX_ATTEMPTS) throw error
    const most = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failed - 1))
    await sleep(most * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
