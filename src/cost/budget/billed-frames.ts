import type { Result } from '../../query/types.ts'
import type { StatementCharge } from './statement-charge.ts'

type Frames = Result['frames']
type Batch = Frames extends AsyncIterable<infer T> ? T : never

/** How long the end of a result waits for its bill, in milliseconds: engines tell it a moment after the last row. */
const BILL_WAIT_MS = 500

/** Frames of a result whose end waits for the bill of the statement, so that the front can tell it to the client. */
export class BilledFrames implements AsyncIterableIterator<Batch> {
  readonly #inner: AsyncIterator<Batch>
  readonly #charge: StatementCharge

  constructor(frames: Frames, charge: StatementCharge) {
    this.#inner = frames[Symbol.asyncIterator]()
    this.#charge = charge
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Batch>> {
    const next = await this.#inner.next()
    if (next.done) await this.#charge.settled(BILL_WAIT_MS)
    return next
  }

  async return(): Promise<IteratorResult<Batch>> {
    await this.#inner.return?.()
    return { done: true, value: undefined }
  }
}
