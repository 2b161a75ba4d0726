import { GatewayError } from '../errors.ts'
import type { ConcurrencyLimiter } from '../limits/concurrency-limiter.ts'
import type { ResultObserver, StopResult } from './holding.ts'

/** Samples per `contendedStallMs`. A result that is idle at all of them is stalled. */
const SAMPLES = 10

/**
 * The results that hold slots of one source. While a holder waits for a slot, the holder with the most slots loses a result that
 * its slow consumer has not pulled from for `contendedStallMs`. The client can run the statement again.
 */
export class HeldResults {
  readonly #limiter: ConcurrencyLimiter
  readonly #limits: { readonly contendedStallMs: number }
  readonly #byHolder = new Map<string, Set<HeldResult>>()
  #timer: NodeJS.Timeout | undefined
  /** Number of results that are being stopped; each releases its slot soon. */
  #stopping = 0

  constructor(limiter: ConcurrencyLimiter, limits: { readonly contendedStallMs: number }) {
    this.#limiter = limiter
    this.#limits = limits
  }

  /** Observes a result from its start to its end. @param onEnd called at the end, to release the slot */
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

  /** Samples the results periodically for as long as a statement waits for a slot. */
  watch(): void {
    this.#timer ??= setInterval(() => this.#sample(), Math.max(1, this.#limits.contendedStallMs / SAMPLES)).unref()
  }

  #sample(): void {
    if (this.#limiter.queued === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    for (const own of this.#byHolder.values()) for (const held of own) held.sample()
    const { richest } = this.#limiter
    if (richest === undefined || this.#stopping > 0) return
    let stalled: HeldResult | undefined
    for (const held of this.#byHolder.get(richest) ?? [])
      if (held.idleSamples > Math.max(SAMPLES, stalled?.idleSamples ?? 0)) stalled = held
    if (!stalled) return
    this.#stopping++
    stalled.stop(
      new GatewayError(
        'SLOT_LOST',
        `The client did not read the result for ${this.#limits.contendedStallMs} ms while another principal waited for its slot (limits.contendedStallMs): read results without pauses, or open fewer at once.`,
      ),
    )
  }
}

/** Observes whether the client pulls from a result. */
class HeldResult implements ResultObserver {
  readonly onEnd: ResultObserver['onEnd']
  readonly #onStart: () => void
  #stopResult: StopResult | undefined
  #asked = 0
  #askedBefore = -1
  #isPulling = false
  /** Number of consecutive samples without a pull since the previous sample. */
  idleSamples = 0
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

  /** Records whether the client has pulled since the previous sample. */
  sample(): void {
    const isIdle = !this.#isPulling && this.#asked === this.#askedBefore
    this.idleSamples = isIdle ? this.idleSamples + 1 : 0
    this.#askedBefore = this.#asked
  }

  stop(reason: GatewayError): void {
    this.isStopped = true
    this.#stopResult?.(reason)
  }
}
