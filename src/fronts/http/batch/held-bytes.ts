import { GatewayError } from '../../../query/errors.ts'

/** The memory that the results of all unanswered batches of the process hold. */
export class HeldBytes {
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @throws GatewayError QUEUE_FULL */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#maxBytes)
      throw new GatewayError(
        'QUEUE_FULL',
        'The results of unanswered batches hold too much memory: try again later, or send the batch to /api/v1/batch/stream (http.maxHeldResultBytes).',
      )
    this.#bytes += bytes
  }

  give(bytes: number): void {
    this.#bytes -= bytes
  }
}
