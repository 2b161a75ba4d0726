import type { Frame } from '../arrow/ipc/frame.ts'
import type { Result } from '../query/types.ts'
import type { RecordedResult } from './recorded-result.ts'

/** A result from the cache. Its frames are those of the entry: nothing is copied. */
export function cachedRows({ schema, frames, rows, byteLength, metadata }: RecordedResult): Result {
  const stats = { rows, bytes: byteLength, affectedRows: -1 }
  return { schema, frames: { [Symbol.asyncIterator]: () => new Once(frames) }, stats, ...(metadata && { metadata }) }
}

/** Yields all frames at once. */
class Once implements AsyncIterator<readonly Frame[]> {
  #frames: readonly Frame[] | undefined

  constructor(frames: readonly Frame[]) {
    this.#frames = frames.length > 0 ? frames : undefined
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    const value = this.#frames
    this.#frames = undefined
    return value ? { done: false, value } : { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#frames = undefined
    return { done: true, value: undefined }
  }
}
