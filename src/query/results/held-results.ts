import type { Frame } from '../../arrow/ipc/frame.ts'
import { GatewayError } from '../errors.ts'
import type { ConcurrencyLimiter } from '../limits/concurrency-limiter.ts'
import type { Result } from '../types.ts'

/** How many times a result is looked at before it counts as stalled. */
const LOOKS = 10

/**
 * The results that have slots of one source. While a holder waits for a slot, a result that nobody reads of the holder that
 * has most slots is ended after `contendedStallMs`: holders are equal, and what is not read can be asked for again.
 */
export class HeldResults {
  readonly #slots: ConcurrencyLimiter
  readonly #contendedStallMs: number
  readonly #byHolder = new Map<string, Set<HeldFrames>>()
  #timer: NodeJS.Timeout | undefined
  /** Results that are being ended, whose slots will be free. */
  #ending = 0

  constructor(slots: ConcurrencyLimiter, contendedStallMs: number) {
    this.#slots = slots
    this.#contendedStallMs = contendedStallMs
  }

  /** The same result, watched until it ends. @param onEnd told once how it ended, with the error if there was one */
  hold(result: Result, holder: string, onEnd: (error: unknown) => void): Result {
    const own = this.#byHolder.get(holder) ?? new Set()
    this.#byHolder.set(holder, own)
    const held = new HeldFrames(result.frames[Symbol.asyncIterator](), (error) => {
      own.delete(held)
      if (own.size === 0 && this.#byHolder.get(holder) === own) this.#byHolder.delete(holder)
      if (held.cut) this.#ending--
      onEnd(error)
    })
    own.add(held)
    return { ...result, frames: { [Symbol.asyncIterator]: () => held } }
  }

  /** A statement waits: the results are looked at for as long as one does. */
  watch(): void {
    this.#timer ??= setInterval(() => this.#look(), Math.max(1, this.#contendedStallMs / LOOKS)).unref()
  }

  #look(): void {
    if (this.#slots.queued === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    for (const own of this.#byHolder.values()) for (const held of own) held.look()
    const { richest } = this.#slots
    if (richest === undefined || this.#ending > 0) return
    let stalled: HeldFrames | undefined
    for (const held of this.#byHolder.get(richest) ?? [])
      if (held.idleLooks > Math.max(LOOKS, stalled?.idleLooks ?? 0)) stalled = held
    if (!stalled) return
    this.#ending++
    stalled.end(
      new GatewayError(
        'SLOT_LOST',
        `The result was not read for ${this.#contendedStallMs} ms while another principal waited for its slot (limits.contendedStallMs): read results as they come, or fewer at once.`,
      ),
    )
  }
}

/** Frames on their way to a reader, and whether it asks for them. */
class HeldFrames implements AsyncIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #onEnd: (error: unknown) => void
  #pulls = 0
  #pulling = false
  #ended = false
  #pullsSeen = -1
  /** Looks in a row at which nobody had asked for more since the one before. */
  idleLooks = 0
  /** Why it was ended here. */
  cut: GatewayError | undefined

  constructor(inner: AsyncIterator<readonly Frame[]>, onEnd: (error: unknown) => void) {
    this.#inner = inner
    this.#onEnd = onEnd
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    if (this.cut) throw this.cut
    this.#pulls++
    this.#pulling = true
    try {
      const next = await this.#inner.next()
      if (next.done) this.#over(undefined)
      return next
    } catch (error) {
      this.#over(error)
      throw error
    } finally {
      this.#pulling = false
    }
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    try {
      if (!this.cut) await this.#inner.return?.()
    } finally {
      this.#over(undefined)
    }
    return { done: true, value: undefined }
  }

  /** Counts whether the reader has asked for more since it was last looked at. */
  look(): void {
    const isIdle = !this.#pulling && this.#pulls === this.#pullsSeen
    this.idleLooks = isIdle ? this.idleLooks + 1 : 0
    this.#pullsSeen = this.#pulls
  }

  /** Ends the work; its reader learns why when it asks for more. */
  end(cut: GatewayError): void {
    this.cut = cut
    const over = () => this.#over(cut)
    Promise.resolve(this.#inner.return?.()).then(over, over)
  }

  #over(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#onEnd(error)
  }
}
