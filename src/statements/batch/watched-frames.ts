import type { Frame } from '../../arrow/ipc/frame.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Result } from '../../query/types.ts'

/** The frames of a result on their way to a sink: remembers why they failed, and can be left in the middle of a read. */
export class WatchedFrames implements AsyncIterableIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #abort: (reason: GatewayError) => void
  #isReading = false
  #hasLeft = false
  #isDone = false
  #failure: { readonly error: unknown } | undefined

  /** @param abort aborts the statement, so that a pending read ends */
  constructor({ frames }: Result, abort: (reason: GatewayError) => void) {
    this.#inner = frames[Symbol.asyncIterator]()
    this.#abort = abort
  }

  /** Why reading failed. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** Whether all frames have been read. */
  get isDone(): boolean {
    return this.#isDone
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    this.#isReading = true
    try {
      const next = await this.#inner.next()
      if (next.done) this.#isDone = true
      return next
    } catch (error) {
      if (!this.#hasLeft) this.#failure ??= { error }
      throw error
    } finally {
      this.#isReading = false
    }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#hasLeft = true
    // The inner `return` waits for a pending read.
    if (this.#isReading) this.#abort(new GatewayError('CANCELLED', 'The reader has left the result.'))
    await this.#inner.return?.()
    return { done: true, value: undefined }
  }
}
