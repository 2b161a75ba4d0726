import type { Frame } from '../../arrow/ipc/frame.ts'
import { type Spilled, SpillFile } from '../../spill/spill-file.ts'

/** Bounds of the temporary file for rows that slow readers of shared runs lack. */
export interface SpillLimits {
  /** Largest size of the file, for all runs together; 0 spills nothing. */
  readonly maxBytes: number
  /** Directory of the file; by default the system's temporary directory. */
  readonly directory?: string | undefined
}

/** A batch in the file. */
export interface SpilledBatch {
  readonly place: Spilled
  readonly frames: readonly Pick<Frame, 'byteLength' | 'rows'>[]
}

/** How long nothing is spilled after the file system has failed, in milliseconds. */
const PAUSE_MS = 10_000

/** The file to which shared runs spill. It is created when it is needed first. */
export class Spill {
  readonly #limits: SpillLimits
  #file: Promise<SpillFile> | undefined
  #pauseUntil = 0

  constructor(limits: SpillLimits) {
    this.#limits = limits
  }

  /** Writes a batch. Returns undefined if it does not fit or the file system fails. */
  async write(frames: readonly Frame[]): Promise<SpilledBatch | undefined> {
    const { maxBytes, directory } = this.#limits
    if (maxBytes === 0 || performance.now() < this.#pauseUntil) return undefined
    try {
      this.#file ??= SpillFile.create(maxBytes, directory)
      const place = await (await this.#file).write(frames.flatMap(({ chunks }) => chunks))
      return place && { place, frames: frames.map(({ byteLength, rows }) => ({ byteLength, rows })) }
    } catch {
      this.#pauseUntil = performance.now() + PAUSE_MS
      return undefined
    }
  }

  /** Reads a batch, which stays in the file. @throws Error of the file system */
  async read({ place, frames }: SpilledBatch): Promise<readonly Frame[]> {
    const bytes = await (await this.#file!).peek(place)
    let at = 0
    return frames.map(({ byteLength, rows }) => {
      const chunk = bytes.subarray(at, at + byteLength)
      at += byteLength
      return { chunks: [chunk], byteLength, rows }
    })
  }

  free({ place }: SpilledBatch): void {
    this.#file?.then((file) => file.free(place)).catch(() => {})
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#pauseUntil = Number.POSITIVE_INFINITY
    await file?.then((open) => open.close()).catch(() => {})
  }
}
