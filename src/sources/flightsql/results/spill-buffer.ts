import type { Frame } from '../../../arrow/ipc/frame.ts'
import { LoopTurn } from '../../../async/loop-turn.ts'
import { type Spilled, SpillFile } from '../../../spill/spill-file.ts'
import type { FlightSqlConfig } from '../settings.ts'

/**
 * When and how far the gateway reads ahead of a slow consumer. A message that fits neither bound stays in memory beyond
 * `memoryBytes`, and the buffer then stops reading.
 */
export type SpillLimits = FlightSqlConfig['slowReader']

/** Bound on the number of frames, because each takes memory beside its bytes even when it is spilled. */
const MAX_HELD_FRAMES = 65_536

/** Called with the change in bytes held in memory and in the file. */
export type SpillObserver = (memoryDelta: number, spillDelta: number) => void

type Held = Frame | (Spilled & { readonly rows: number })

/**
 * Keeps a slow consumer from stalling an upstream that aborts results which are not read for too long. While the client reads,
 * the buffer holds nothing. After a pause of `afterMs` it reads ahead into memory and then spills to a file. When both are full
 * the upstream gets backpressure.
 */
export class SpillBuffer implements AsyncIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #limits: SpillLimits
  readonly #observe: SpillObserver
  readonly #held: Held[] = []
  readonly #loopTurn = new LoopTurn()
  #memoryBytes = 0
  #fileBytes = 0
  #largestBytes = 1
  /** A frame in memory that fitted neither bound. */
  #overflow: Frame | undefined
  #file: SpillFile | undefined
  #timer: NodeJS.Timeout | undefined
  #readingAhead: Promise<void> | undefined
  #outcome: { readonly error?: unknown } | undefined
  #isReading = false
  #wake: (() => void) | undefined
  #isClosed = false
  #cannotSpill = false

  constructor(inner: AsyncIterator<readonly Frame[]>, limits: SpillLimits, observe: SpillObserver) {
    this.#inner = inner
    this.#limits = limits
    this.#observe = observe
    this.#startTimer()
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    clearTimeout(this.#timer)
    this.#isReading = true
    try {
      for (;;) {
        const turn = this.#held.length > 0 ? this.#loopTurn.next() : undefined
        if (turn) await turn
        const held = this.#held.shift()
        if (held) return { done: false, value: [await this.#restore(held)] }
        if (this.#outcome) {
          await this.#close()
          if ('error' in this.#outcome) throw this.#outcome.error
          return { done: true, value: undefined }
        }
        if (!this.#readingAhead) break
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      const next = await this.#inner.next()
      if (next.done) await this.#close()
      return next
    } finally {
      this.#isReading = false
      this.#startTimer()
    }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#inner.return?.()
    await this.#readingAhead
    for (const held of this.#held.splice(0)) if ('chunks' in held) held.release?.()
    await this.#close()
    return { done: true, value: undefined }
  }

  #startTimer(): void {
    if (this.#limits.afterMs === 0 || this.#isClosed || this.#outcome || this.#readingAhead) return
    this.#timer = setTimeout(() => {
      this.#readingAhead = this.#readAhead().finally(() => {
        this.#readingAhead = undefined
        this.#wakeUp()
      })
    }, this.#limits.afterMs)
    this.#timer.unref()
  }

  /** Reads ahead until the client reads again and has caught up, or until the bounds are reached. */
  async #readAhead(): Promise<void> {
    try {
      while (!this.#isClosed && !(this.#isReading && this.#held.length === 0)) {
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

  /** Whether a frame as large as the largest so far would fit neither bound. */
  #isFull(): boolean {
    const { memoryBytes, spillBytes } = this.#limits
    if (this.#overflow || this.#held.length >= MAX_HELD_FRAMES) return true
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
    // A frame in memory may follow a spilled one: `#held` keeps their order.
    if (!fits) this.#overflow = frame
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
      // A full disk must not lose the result: stop spilling, the upstream gets backpressure instead.
      this.#cannotSpill = true
      return undefined
    }
  }

  async #restore(held: Held): Promise<Frame> {
    if ('chunks' in held) {
      if (held === this.#overflow) this.#overflow = undefined
      this.#count(-held.byteLength)
      return held
    }
    const bytes = await this.#file!.read(held)
    this.#count(0)
    return { chunks: [bytes], byteLength: held.byteLength, rows: held.rows }
  }

  /** Reports a change of the bytes in memory, and the change of the file's size since the last report. */
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
    this.#isClosed = true
    clearTimeout(this.#timer)
    const file = this.#file
    this.#file = undefined
    this.#count(-this.#memoryBytes)
    await file?.close()
  }
}
