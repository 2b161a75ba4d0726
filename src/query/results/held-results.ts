import { GatewayError } from '../errors.ts'
import type { ConcurrencyLimiter } from '../limits/concurrency-limiter.ts'
import type { ResultObserver, StopResult } from './holding.ts'

/** Looks in a row, within `contendedStallMs`, at which a result was idle: then it counts as stalled. */
const LOOKS = 10

/**
 * The results that hold slots of one source. While a holder waits for a slot, the holder with the most slots loses a result
 * whose reader has asked for nothing for `contendedStallMs`: holders are equal, and the client can run the statement again.
 */
export class HeldResults {
  readonly #slots: ConcurrencyLimiter
  readonly #contendedStallMs: number
  readonly #byHolder = new Map<string, Set<HeldResult>>()
  #timer: NodeJS.Timeout | undefined
  /** Results that are being stopped: each gives its slot back soon. */
  #stopping = 0

  constructor(slots: ConcurrencyLimiter, contendedStallMs: number) {
    this.#slots = slots
    this.#contendedStallMs = contendedStallMs
  }

  /** Observes a result from its start to its end. @param onEnd of the stage that holds the slot */
  hold(holder: string, onEnd: ResultObserver['onEnd']): ResultObserver {
    const held: HeldResult = new HeldResult(
      () => {
        const own = this.#byHolder.get(holder) ?? new Set()
        this.#byHolder.set(holder, own.add(held))
      },
      (...end) => {
        const own = this.#byHolder.get(holder)
        if (own?.delete(held) && own.size === 0) this.#byHolder.delete(holder)
        if (held.isStopped) this.#stopping--
        onEnd(...end)
      },
    )
    return held
  }

  /** Looks at the results at intervals for as long as a statement waits for a slot. */
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
    if (richest === undefined || this.#stopping > 0) return
    let stalled: HeldResult | undefined
    for (const held of this.#byHolder.get(richest) ?? [])
      if (held.idleLooks > Math.max(LOOKS, stalled?.idleLooks ?? 0)) stalled = held
    if (!stalled) return
    this.#stopping++
    stalled.stop(
      new GatewayError(
        'SLOT_LOST',
        `The result was not read for ${this.#contendedStallMs} ms while another principal waited for its slot (limits.contendedStallMs): read results as they come, or fewer at once.`,
      ),
    )
  }
}

/** Whether the reader of a result asks for more. */
class HeldResult implements ResultObserver {
  readonly onEnd: ResultObserver['onEnd']
  readonly #onStart: () => void
  #stopResult: StopResult | undefined
  #asked = 0
  #askedBefore = -1
  #isPulling = false
  /** Looks in a row at which the reader had asked for nothing since the look before. */
  idleLooks = 0
  isStopped = false

  constructor(onStart: () => void, onEnd: ResultObserver['onEnd']) {
    this.#onStart = onStart
    this.onEnd = onEnd
  }

  onStart(stop: StopResult): void {
    this.#stopResult = stop
    this.#onStart()
  }

  onAsked(): void {
    this.#asked++
    this.#isPulling = true
  }

  onBatch(): void {
    this.#isPulling = false
  }

  /** Counts whether the reader has asked for more since the look before. */
  look(): void {
    const isIdle = !this.#isPulling && this.#asked === this.#askedBefore
    this.idleLooks = isIdle ? this.idleLooks + 1 : 0
    this.#askedBefore = this.#asked
  }

  stop(reason: GatewayError): void {
    this.isStopped = true
    this.#stopResult?.(reason)
  }
}
