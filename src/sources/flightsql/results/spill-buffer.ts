import type { Frame } from '../../../arrow/ipc/frame.ts'
import { LoopTurn } from '../../../async/loop-turn.ts'
import type { FlightSqlConfig } from '../settings.ts'
import { type Spilled, SpillFile } from './spill-file.ts'

/**
 * When and how far an upstream is read ahead of a slow client. A message that fits nowhere is held beyond `memoryBytes`, and
 * then nothing more is read.
 */
export type SpillLimits = FlightSqlConfig['slowReader']

/** Each takes memory beside its bytes, also in the file. */
const MAX_HELD_FRAMES = 65_536

/** Told how many bytes memory and the file take more or fewer than before. */
export type SpillObserver = (memoryDelta: number, spillDelta: number) => void

type Held = Frame | (Spilled & { readonly rows: number })

/**
 * Frames between an upstream that gives up on readers who stop for too long and a client that does. As long as the client
 * reads, nothing is held. When it has stopped for a while the upstream is read on, into memory and then into a file, both
 * bounded; then the upstream waits after all.
 */
export class SpillBuffer implements AsyncIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #limits: SpillLimits
  readonly #observe: SpillObserver
  readonly #held: Held[] = []
  readonly #turn = new LoopTurn()
  #memoryBytes = 0
  #fileBytes = 0
  #largestBytes = 1
  /** A message that is in memory since it fitted nowhere. */
  #unfit: Frame | undefined
  #file: SpillFile | undefined
  #timer: NodeJS.Timeout | undefined
  #ahead: Promise<void> | undefined
  #outcome: { readonly error?: unknown } | undefined
  #wanted = false
  #wake: (() => void) | undefined
  #left = false
  #cannotSpill = false

  constructor(inner: AsyncIterator<readonly Frame[]>, limits: SpillLimits, observe: SpillObserver) {
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
        const turn = this.#held.length > 0 ? this.#turn.next() : undefined
        if (turn) await turn
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
    try {
      while (!this.#left && !(this.#wanted && this.#held.length === 0)) {
        if (this.#isFull()) return
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

  /** Whether a message as large as the largest so far would fit nowhere. */
  #isFull(): boolean {
    const { memoryBytes, spillBytes } = this.#limits
    if (this.#unfit || this.#held.length >= MAX_HELD_FRAMES) return true
    if (this.#memoryBytes + this.#largestBytes <= memoryBytes) return false
    if (this.#cannotSpill) return true
    return this.#file ? !this.#file.hasRoomFor(this.#largestBytes) : this.#largestBytes > spillBytes
  }

  async #hold(frame: Frame): Promise<void> {
    this.#largestBytes = Math.max(this.#largestBytes, frame.byteLength)
    const fits = this.#memoryBytes + frame.byteLength <= this.#limits.memoryBytes
    const spilled = fits || this.#cannotSpill ? undefined : await this.#spill(frame)
    if (spilled) {
      frame.release?.()
      this.#held.push({ ...spilled, rows: frame.rows })
      return
    }
    // What came after a spilled frame must not overtake it, but may stay in memory behind it.
    if (!fits) this.#unfit = frame
    this.#held.push(frame)
    this.#count(frame.byteLength)
  }

  async #spill(frame: Frame): Promise<Spilled | undefined> {
    const { spillBytes, spillDirectory } = this.#limits
    if (frame.byteLength > spillBytes) return undefined
    try {
      this.#file ??= await SpillFile.create(spillBytes, spillDirectory)
      const written = this.#file.write(frame.chunks)
      this.#count(0)
      return await written
    } catch {
      // A full disk is no reason to lose the result: the upstream is held back from here on.
      this.#cannotSpill = true
      return undefined
    }
  }

  async #restore(held: Held): Promise<Frame> {
    if ('chunks' in held) {
      if (held === this.#unfit) this.#unfit = undefined
      this.#count(-held.byteLength)
      return held
    }
    const bytes = await this.#file!.read(held)
    this.#count(0)
    return { chunks: [bytes], byteLength: held.byteLength, rows: held.rows }
  }

  /** Counts what memory holds more, and what has become of the file. */
  #count(memoryDelta: number): void {
    const fileDelta = (this.#file?.byteLength ?? 0) - this.#fileBytes
    this.#memoryBytes += memoryDelta
    this.#fileBytes += fileDelta
    this.#observe(memoryDelta, fileDelta)
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  async #close(): Promise<void> {
    this.#left = true
    clearTimeout(this.#timer)
    const file = this.#file
    this.#file = undefined
    this.#count(-this.#memoryBytes)
    await file?.close()
  }
}
