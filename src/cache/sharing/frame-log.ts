import type { Frame } from '../../arrow/ipc/frame.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { Spill, SpilledBatch } from './spill.ts'

interface Entry {
  /** Undefined once the batch is in the file. */
  frames: readonly Frame[] | undefined
  readonly byteLength: number
  /** Bytes of it that the budget knows of. */
  reservedBytes: number
  /** Set while and after the batch is written to the file. */
  spilling: Promise<SpilledBatch | undefined> | undefined
}

/**
 * The batches of a run that a reader still needs, or that are recorded, in their order: in memory, and the oldest perhaps in a file.
 * Positions count from the first batch.
 */
export class FrameLog {
  readonly #memory: MemoryBudget
  readonly #spill: Spill
  readonly #entries: Entry[] = []
  /** Position of the first entry. */
  #start = 0
  #memoryBytes = 0
  #reservedBytes = 0

  constructor(memory: MemoryBudget, spill: Spill) {
    this.#memory = memory
    this.#spill = spill
  }

  /** Position after the last batch. */
  get end(): number {
    return this.#start + this.#entries.length
  }

  /** Bytes of the batches in memory. */
  get memoryBytes(): number {
    return this.#memoryBytes
  }

  /** Whether a batch but the last is in memory without room in the budget. */
  get isOverBudget(): boolean {
    for (let i = 0; i < this.#entries.length - 1; i++) {
      const { frames, byteLength, reservedBytes } = this.#entries[i]!
      if (frames && reservedBytes < byteLength) return true
    }
    return false
  }

  isInMemory(position: number): boolean {
    return this.#entries[position - this.#start]?.frames !== undefined
  }

  /** Takes room in the budget for a batch or a schema. @returns false if there is none */
  reserve(bytes: number): boolean {
    if (!this.#memory.reserve(bytes)) return false
    this.#reservedBytes += bytes
    return true
  }

  /** @param reservedBytes what `reserve` has taken for the batch */
  add(frames: readonly Frame[], byteLength: number, reservedBytes: number): void {
    this.#entries.push({ frames, byteLength, reservedBytes, spilling: undefined })
    this.#memoryBytes += byteLength
  }

  /**
   * The batch at a position; undefined if it has not come yet. A promise if the batch is in the file.
   * @throws Error of the file system, in the promise
   */
  at(position: number): readonly Frame[] | Promise<readonly Frame[]> | undefined {
    const entry = this.#entries[position - this.#start]
    if (!entry) return undefined
    return entry.frames ?? entry.spilling!.then((spilled) => this.#spill.read(spilled!))
  }

  /** All frames, of a log that has all batches in memory. */
  get frames(): readonly Frame[] {
    return this.#entries.flatMap(({ frames }) => frames!)
  }

  /**
   * Moves the oldest batch in memory to the file, unless it is the last one of all.
   * @returns whether it was moved; undefined if there is none
   */
  spillOldest(): Promise<boolean> | undefined {
    const entry = this.#entries.find(({ frames, spilling }) => frames && !spilling)
    if (!entry || entry === this.#entries.at(-1)) return undefined
    entry.spilling = this.#spill.write(entry.frames!)
    return entry.spilling.then((spilled) => {
      if (spilled && entry.frames) this.#forget(entry)
      else if (!spilled) entry.spilling = undefined
      return spilled !== undefined
    })
  }

  /** Drops the batches before a position, which every reader has. */
  dropBefore(position: number): void {
    while (this.#start < position && this.#entries.length > 0) {
      this.#start++
      this.#drop(this.#entries.shift()!)
    }
  }

  /** Drops everything, and releases the frames that no reader has got. */
  clear(): void {
    for (const entry of this.#entries.splice(0)) {
      for (const frame of entry.frames ?? []) frame.release?.()
      this.#drop(entry)
    }
    if (this.#reservedBytes > 0) this.#memory.release(this.#reservedBytes)
    this.#reservedBytes = 0
  }

  #drop(entry: Entry): void {
    if (entry.frames) this.#forget(entry)
    void entry.spilling?.then((spilled) => spilled && this.#spill.free(spilled))
  }

  /** The log does not hold the frames of the entry in memory any more. */
  #forget(entry: Entry): void {
    entry.frames = undefined
    this.#memoryBytes -= entry.byteLength
    this.#reservedBytes -= entry.reservedBytes
    if (entry.reservedBytes > 0) this.#memory.release(entry.reservedBytes)
    entry.reservedBytes = 0
  }
}
