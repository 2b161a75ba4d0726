import type { Frame } from '../../arrow/ipc/frame.ts'
import { FramePacker } from '../../arrow/ipc/packed-frames.ts'
import { LoopTurn } from '../../async/loop-turn.ts'
import type { Result } from '../types.ts'

type OnRecorded = (packed: Buffer | undefined, tooLarge: boolean) => Promise<void>

/**
 * Records the frames of a result while it is small. Reads ahead of the client up to `maxBytes`, so that the recording does not
 * wait for a slow consumer. Beyond `maxBytes`, it stops recording and reads at the client's pace.
 */
export class RecordedFrames implements AsyncIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #packer: FramePacker
  readonly #ready: (readonly Frame[])[] = []
  readonly #turn = new LoopTurn()
  #wake: (() => void) | undefined
  #readingAhead = true
  #done = false
  #left = false
  #failure: { readonly error: unknown } | undefined

  /** @param onEnd called once, with the packed result; if that is undefined, `tooLarge` tells whether the size is the reason */
  constructor({ schema, frames }: Pick<Result, 'schema' | 'frames'>, maxBytes: number, onEnd: OnRecorded) {
    this.#inner = frames[Symbol.asyncIterator]()
    this.#packer = new FramePacker(maxBytes)
    if (this.#packer.add(schema)) void this.#readAhead(onEnd)
    else {
      this.#readingAhead = false
      void onEnd(undefined, true)
    }
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    for (;;) {
      const turn = this.#ready.length > 0 ? this.#turn.next() : undefined
      if (turn) await turn
      const frames = this.#ready.shift()
      if (frames) return { done: false, value: frames }
      if (this.#failure) throw this.#failure.error
      if (this.#done || this.#left) return { done: true, value: undefined }
      if (!this.#readingAhead) return await this.#inner.next()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#left = true
    for (const frames of this.#ready.splice(0)) for (const frame of frames) frame.release?.()
    await this.#inner.return?.()
    return { done: true, value: undefined }
  }

  async #readAhead(onEnd: OnRecorded): Promise<void> {
    let packed: Buffer | undefined
    let fits = true
    try {
      while (fits && !this.#left) {
        const next = await this.#inner.next()
        if (next.done) {
          this.#done = true
          if (!this.#left) packed = this.#packer.finish()
          break
        }
        for (const frame of next.value) fits &&= this.#packer.add(frame)
        this.#ready.push(next.value)
        if (this.#left) await this.return()
        this.#wakeUp()
      }
    } catch (error) {
      this.#failure = { error }
    }
    // Store the recording before the reader sees the end, so that the client's next statement finds it.
    await onEnd(packed, !fits)
    this.#readingAhead = false
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
