import type { Frame } from '../../arrow/ipc/frame.ts'
import type { Result } from '../types.ts'

/** What the reader has taken of a result, by which a stage settles. What an engine bills for a statement belongs here. */
export interface ReadStats {
  readonly rows: number
  /** Bytes of the frames. */
  readonly bytes: number
}

/** Ends the engine's work on a result; the reader gets the error when it asks for more. */
export type StopResult = (error: unknown) => void

/** A stage's view of a result that is being read. */
export interface ResultObserver {
  /** The result exists. The observer that calls `stop` has its `onEnd` called when the engine's work has ended. */
  onStart?(stop: StopResult): void
  /** The reader asks for more. */
  onAsked?(): void
  /** The reader gets a batch. @param bytes of its frames */
  onBatch?(rows: number, bytes: number): void
  /**
   * Called exactly once, also when there was no result.
   * @param error why the statement failed; undefined when it did not
   * @param complete false when the reader left before the end, and after an error
   */
  onEnd(error: unknown, complete: boolean, stats: ReadStats): void
}

const nothing: ReadStats = { rows: 0, bytes: 0 }

/**
 * Runs a statement on behalf of a stage that holds something for it (a slot, a turn, a timer, an account) until its result
 * has been read: `onEnd` is called when the statement fails, when its result ends or breaks, or when the reader leaves.
 * @throws what `run` throws
 */
export async function holding(run: () => Promise<Result>, observer: ResultObserver): Promise<Result> {
  let result: Result
  try {
    result = await run()
  } catch (error) {
    observer.onEnd(error, false, nothing)
    throw error
  }
  // Stages next to each other share one iterator, since each iterator costs a promise for each batch.
  const frames = result.frames instanceof HeldFrames ? result.frames : new HeldFrames(result.frames)
  frames.add(observer)
  return frames === result.frames ? result : { ...result, frames }
}

/** The frames of a result on their way to the reader, and the stages that hold something until they end. */
class HeldFrames implements AsyncIterableIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  /** Innermost first; empty when all have been told of the end. */
  #observers: ResultObserver[] = []
  readonly #read = { rows: 0, bytes: 0 }
  #stopped: { readonly error: unknown } | undefined

  constructor(frames: AsyncIterable<readonly Frame[]>) {
    this.#inner = frames[Symbol.asyncIterator]()
  }

  add(observer: ResultObserver): void {
    this.#observers.push(observer)
    observer.onStart?.((error) => this.#stop(observer, error))
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    try {
      if (this.#stopped) throw this.#stopped.error
      for (const observer of this.#observers) observer.onAsked?.()
      const next = await this.#inner.next()
      if (next.done) this.#end(undefined, true)
      else this.#onBatch(next.value)
      return next
    } catch (error) {
      this.#end(error, false)
      throw error
    }
  }

  /** Ends the inner iterator in every case, also when it was never started. */
  async return(): Promise<IteratorResult<readonly Frame[]>> {
    try {
      if (!this.#stopped) await this.#inner.return?.()
    } finally {
      this.#end(undefined, false)
    }
    return { done: true, value: undefined }
  }

  #onBatch(frames: readonly Frame[]): void {
    let rows = 0
    let bytes = 0
    for (const frame of frames) {
      rows += Math.max(0, frame.rows)
      bytes += frame.byteLength
    }
    this.#read.rows += rows
    this.#read.bytes += bytes
    for (const observer of this.#observers) observer.onBatch?.(rows, bytes)
  }

  /** The other observers learn of the end when the reader does. */
  #stop(observer: ResultObserver, error: unknown): void {
    this.#stopped = { error }
    this.#observers = this.#observers.filter((each) => each !== observer)
    const onStopped = () => observer.onEnd(error, false, this.#read)
    Promise.resolve(this.#inner.return?.()).then(onStopped, onStopped)
  }

  #end(error: unknown, complete: boolean): void {
    const observers = this.#observers
    this.#observers = []
    for (const observer of observers) observer.onEnd(error, complete, this.#read)
  }
}
