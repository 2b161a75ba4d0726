import type { Frame } from '../../arrow/ipc/frame.ts'
import type { Result } from '../types.ts'

/** Amount of a result that the client has read, for the accounting of a stage. Engine costs of a statement belong here. */
export interface ReadStats {
  readonly rows: number
  /** Bytes of the frames. */
  readonly bytes: number
}

/** Stops the engine's work on a result. The reader gets the error at its next pull. */
export type StopResult = (error: unknown) => void

/** A stage's view of a result that is being read. */
export interface ResultObserver {
  /** The result exists. If this observer calls `stop`, its `onEnd` is called once the engine's work has ended. */
  onStart?(stop: StopResult): void
  /** The reader pulls the next batch. */
  onAsked?(): void
  /** The reader receives a batch. @param bytes size of its frames */
  onBatch?(rows: number, bytes: number): void
  /**
   * Called exactly once, even if there was no result.
   * @param error why the statement failed; undefined if it did not fail
   * @param complete whether the reader has read to the end without an error
   */
  onEnd(error: unknown, complete: boolean, stats: ReadStats): void
}

const nothing: ReadStats = { rows: 0, bytes: 0 }

/**
 * Runs a statement for a stage that holds a resource (a slot, a turn, a timer, an account) until the client has read the result.
 * Calls `onEnd` when the statement fails, when its result ends or fails, or when the reader leaves.
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
  // Adjacent stages share one iterator: each iterator costs a promise per batch.
  const frames = result.frames instanceof HeldFrames ? result.frames : new HeldFrames(result.frames)
  frames.add(observer)
  return frames === result.frames ? result : { ...result, frames }
}

/** The frames of a result, with the observers of the stages that hold resources until the frames end. */
class HeldFrames implements AsyncIterableIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  /** Innermost first; empty once all have been notified of the end. */
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

  /** Ends the inner iterator in every case, even if it was never started. */
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

  /** Notifies the stopping observer when the engine's work has ended. The other observers are notified with the reader. */
  #stop(observer: ResultObserver, error: unknown): void {
    this.#stopped = { error }
    this.#observers = this.#observers.filter((each) => each !== observer)
    const onStopped = () => observer.onEnd(error, false, this.#read)
    Promise.resolve(this.#inner.return?.()).then(onStopped, onStopped)
  }

  /** Notifies every observer, also after one has thrown. @throws the first error of an observer */
  #end(error: unknown, complete: boolean): void {
    const observers = this.#observers
    this.#observers = []
    const failures: unknown[] = []
    for (const observer of observers) {
      try {
        observer.onEnd(error, complete, this.#read)
      } catch (failure) {
        failures.push(failure)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
