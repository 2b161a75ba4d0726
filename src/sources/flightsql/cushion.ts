import type { Frame } from '../../arrow/frame.ts'
import { type Spilled, SpillFile } from './spill-file.ts'

/** When and how far an upstream is read ahead of a slow client. */
export interface CushionLimits {
  /** Time without a pull after which reading ahead begins; 0 never. */
  readonly afterMs: number
  readonly memoryBytes: number
  /** Bytes that may go to a temporary file beyond those in memory. */
  readonly spillBytes: number
  readonly spillDirectory?: string | undefined
}

/** Told how many bytes are held more or fewer than before. */
export type CushionObserver = (memoryDelta: number, spillDelta: number) => void

type Held = Frame | (Spilled & { readonly rows: number })

/**
 * Frames between an upstream that gives up on readers who stop for too long and a client that does. As long as the client
 * reads, nothing is held. When it has stopped for a while the upstream is read on, into memory and then into a file, both
 * bounded; then the upstream waits after all.
 */
export class Cushion implements AsyncIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #limits: CushionLimits
  readonly #observe: CushionObserver
  readonly #held: Held[] = []
  #memoryBytes = 0
  #spilledBytes = 0
  #file: SpillFile | undefined
  #timer: NodeJS.Timeout | undefined
  #ahead: Promise<void> | undefined
  #outcome: { readonly error?: unknown } | undefined
  #wanted = false
  #wake: (() => void) | undefined
  #left = false
  #cannotSpill = false

  constructor(inner: AsyncIterator<readonly Frame[]>, limits: CushionLimits, observe: CushionObserver) {
    this.#inner = inner
    this.#limits = limits
    this.#observe = observe
    this.#arm()
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    clearTimeout(this.#timer)
    this.#wanted = true
    try {
      for (;;) {
        const held = this.#held.shift()
        if (held) return { done: false, value: [await this.#restore(held)] }
        if (this.#outcome) {
          await this.#close()
          if ('error' in this.#outcome) throw this.#outcome.error
          return { done: true, value: undefined }
        }
        if (!this.#ahead) break
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      const next = await this.#inner.next()
      if (next.done) await this.#close()
      return next
    } finally {
      this.#wanted = false
      this.#arm()
    }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#left = true
    clearTimeout(this.#timer)
    await this.#inner.return?.()
    await this.#ahead
    for (const held of this.#held.splice(0)) if ('chunks' in held) held.release?.()
    await this.#close()
    return { done: true, value: undefined }
  }

  #arm(): void {
    if (this.#limits.afterMs === 0 || this.#left || this.#outcome || this.#ahead) return
    this.#timer = setTimeout(() => {
      this.#ahead = this.#readAhead().finally(() => {
        this.#ahead = undefined
        this.#wakeUp()
      })
    }, this.#limits.afterMs)
    this.#timer.unref()
  }

  /** Reads on until the client is back and has caught up, or the bounds are reached. */
  async #readAhead(): Promise<void> {
    const { memoryBytes, spillBytes } = this.#limits
    try {
      while (!this.#left && !(this.#wanted && this.#held.length === 0)) {
        if (this.#memoryBytes >= memoryBytes && (this.#spilledBytes >= spillBytes || this.#cannotSpill)) return
        const next = await this.#inner.next()
        if (next.done) {
          this.#outcome = {}
          return
        }
        for (const frame of next.value) await this.#hold(frame)
        this.#wakeUp()
      }
    } catch (error) {
      this.#outcome = { error }
    }
  }

  async #hold(frame: Frame): Promise<void> {
    const { memoryBytes, spillBytes, spillDirectory } = this.#limits
    // What came after a spilled frame must not overtake it, but may stay in memory behind it.
    if (this.#memoryBytes < memoryBytes || this.#spilledBytes >= spillBytes) {
      this.#count(frame.byteLength, 0)
      this.#held.push(frame)
      return
    }
    let spilled: Spilled
    try {
      this.#file ??= await SpillFile.create(spillDirectory)
      spilled = await this.#file.write(frame.chunks)
    } catch {
      // A full disk is no reason to lose the result: the upstream is held back from here on.
      this.#cannotSpill = true
      this.#count(frame.byteLength, 0)
      this.#held.push(frame)
      return
    }
    frame.release?.()
    this.#count(0, frame.byteLength)
    this.#held.push({ ...spilled, rows: frame.rows })
  }

  async #restore(held: Held): Promise<Frame> {
    if ('chunks' in held) {
      this.#count(-held.byteLength, 0)
      return held
    }
    const bytes = await this.#file!.read(held)
    this.#count(0, -held.byteLength)
    return { chunks: [bytes], byteLength: held.byteLength, rows: held.rows }
  }

  #count(memoryDelta: number, spillDelta: number): void {
    this.#memoryBytes += memoryDelta
    this.#spilledBytes += spillDelta
    this.#observe(memoryDelta, spillDelta)
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  async #close(): Promise<void> {
    this.#left = true
    clearTimeout(this.#timer)
    this.#count(-this.#memoryBytes, -this.#spilledBytes)
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}
