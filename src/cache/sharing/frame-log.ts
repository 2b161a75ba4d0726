import type { Frame } from '../../arrow/ipc/frame.ts'
import type { MemoryBudget } from './memory-budget.ts'

interface Entry {
  readonly frames: readonly Frame[]
  readonly byteLength: number
  /** Bytes of it that the budget knows of. */
  readonly reservedBytes: number
}

/** The batches of a run that a reader still needs, or that are recorded, in their order. Positions count from the first batch. */
export class FrameLog {
  readonly #memory: MemoryBudget
  readonly #entries: Entry[] = []
  /** Position of the first entry. */
  #start = 0
  #byteLength = 0
  #reservedBytes = 0

  constructor(memory: MemoryBudget) {
    this.#memory = memory
  }

  /** Position after the last batch. */
  get end(): number {
    return this.#start + this.#entries.length
  }

  /** Bytes of the batches in the log. */
  get byteLength(): number {
    return this.#byteLength
  }

  /** Takes room in the budget for a batch or a schema. @returns false if there is none */
  reserve(bytes: number): boolean {
    if (!this.#memory.reserve(bytes)) return false
    this.#reservedBytes += bytes
    return true
  }

  /** @param reservedBytes what `reserve` has taken for the batch */
  add(frames: readonly Frame[], byteLength: number, reservedBytes: number): void {
    this.#entries.push({ frames, byteLength, reservedBytes })
    this.#byteLength += byteLength
  }

  /** The batch at a position; undefined if it has not come yet. */
  at(position: number): readonly Frame[] | undefined {
    return this.#entries[position - this.#start]?.frames
  }

  /** All frames in the log. */
  get frames(): readonly Frame[] {
    return this.#entries.flatMap(({ frames }) => frames)
  }

  /** Drops the batches before a position, which every reader has. */
  dropBefore(position: number): void {
    while (this.#start < position && this.#entries.length > 0) {
      const { byteLength, reservedBytes } = this.#entries.shift()!
      this.#start++
      this.#byteLength -= byteLength
      this.#reservedBytes -= reservedBytes
      if (reservedBytes > 0) this.#memory.release(reservedBytes)
    }
  }

  /** Drops everything, and releases the frames that no reader has got. */
  clear(): void {
    for (const { frames } of this.#entries.splice(0)) for (const frame of frames) frame.release?.()
    this.#byteLength = 0
    if (this.#reservedBytes > 0) this.#memory.release(this.#reservedBytes)
    this.#reservedBytes = 0
  }
}
