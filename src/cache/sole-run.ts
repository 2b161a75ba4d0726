import type { Frame } from '../arrow/ipc/frame.ts'
import type { Result } from '../query/types.ts'
import type { RecordedResult } from './recorded-result.ts'

/** Memory of recordings in progress. */
export interface RecordingRoom {
  /** @returns false if there is no room: then nothing is taken */
  reserve(bytes: number): boolean
  release(bytes: number): void
}

/** Copies the frames of a result while the client reads it. Beyond `maxBytes`, or without room, the rows pass through. */
export class SoleRun implements AsyncIterableIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #result: Result
  readonly #maxBytes: number
  readonly #room: RecordingRoom
  readonly #onEnd: (recorded: RecordedResult | undefined, tooLarge: boolean) => void
  #frames: Frame[] | undefined = []
  #rows = 0
  #bytes = 0

  constructor(
    result: Result,
    maxBytes: number,
    room: RecordingRoom,
    onEnd: (recorded: RecordedResult | undefined, tooLarge: boolean) => void,
  ) {
    this.#result = result
    this.#inner = result.frames[Symbol.asyncIterator]()
    this.#maxBytes = maxBytes
    this.#room = room
    this.#onEnd = onEnd
    this.#take(result.schema.byteLength)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    try {
      const next = await this.#inner.next()
      if (next.done) this.#complete()
      else if (this.#frames) for (const frame of next.value) this.#add(frame)
      return next
    } catch (error) {
      this.#stop(false)
      throw error
    }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#stop(false)
    await this.#inner.return?.()
    return { done: true, value: undefined }
  }

  #add(frame: Frame): void {
    if (!this.#frames || !this.#take(frame.byteLength)) return
    this.#rows += Math.max(0, frame.rows)
    this.#frames.push(copyOf(frame))
  }

  #take(bytes: number): boolean {
    const fits = this.#bytes + bytes <= this.#maxBytes
    if (!fits || !this.#room.reserve(bytes)) {
      this.#stop(!fits)
      return false
    }
    this.#bytes += bytes
    return true
  }

  #complete(): void {
    const frames = this.#frames
    if (!frames) return
    const { schema, metadata } = this.#result
    const recorded = { schema: copyOf(schema), frames, rows: this.#rows, byteLength: this.#bytes }
    this.#finish(metadata ? { ...recorded, metadata } : recorded, false)
  }

  #stop(tooLarge: boolean): void {
    if (this.#frames) this.#finish(undefined, tooLarge)
  }

  #finish(recorded: RecordedResult | undefined, tooLarge: boolean): void {
    this.#frames = undefined
    this.#room.release(this.#bytes)
    this.#onEnd(recorded, tooLarge)
  }
}

/** The frame in one buffer of its own. */
function copyOf({ chunks, byteLength, rows }: Frame): Frame {
  const bytes = Buffer.allocUnsafeSlow(byteLength)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return { chunks: [bytes], byteLength, rows }
}
