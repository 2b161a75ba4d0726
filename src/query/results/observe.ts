import type { Frame } from '../../arrow/ipc/frame.ts'
import type { Result } from '../types.ts'

/** Told about a result as it is read; `onEnd` exactly once, with the error if there was one. */
export interface ResultObserver {
  /** The reader asks for more. */
  onAsked?(): void
  onFrames?(frames: readonly Frame[]): void
  /** `complete` is false when the reader left before the end. */
  onEnd(error: unknown, complete: boolean): void
}

/** The same result, watched. Ends the inner iterator in every case, also when it was never started. */
export function observeResult(result: Result, observer: ResultObserver): Result {
  return { ...result, frames: { [Symbol.asyncIterator]: () => new ObservedFrames(result.frames, observer) } }
}

class ObservedFrames implements AsyncIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #observer: ResultObserver
  #ended = false

  constructor(frames: AsyncIterable<readonly Frame[]>, observer: ResultObserver) {
    this.#inner = frames[Symbol.asyncIterator]()
    this.#observer = observer
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    this.#observer.onAsked?.()
    try {
      const next = await this.#inner.next()
      if (next.done) this.#end(undefined, true)
      else this.#observer.onFrames?.(next.value)
      return next
    } catch (error) {
      this.#end(error, false)
      throw error
    }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    try {
      await this.#inner.return?.()
    } finally {
      this.#end(undefined, false)
    }
    return { done: true, value: undefined }
  }

  #end(error: unknown, complete: boolean): void {
    if (this.#ended) return
    this.#ended = true
    this.#observer.onEnd(error, complete)
  }
}
