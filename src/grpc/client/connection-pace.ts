import { setTimeout as sleep } from 'node:timers/promises'

/** Connections in a row that may end at once before a delay applies: one stale connection indicates no problem. */
const FREE_TRIES = 2
const FIRST_DELAY_MS = 50
const MAX_DELAY_MS = 1000
/** Interval at which waiting callers check whether the delay has been lifted, in milliseconds. */
const POLL_MS = 50

/**
 * Backoff for connections to one address while the server ends each of them before it serves a call, for example with GOAWAY.
 * Connections are then made one at a time, with growing randomized delays. A connection that serves a call ends the backoff.
 */
export class ConnectionPace {
  #endedAtOnce = 0
  #nextAt = 0

  /** A connection served a call. */
  onServed(): void {
    this.#endedAtOnce = 0
  }

  /** A connection was established, and ended before it served a call. */
  onEndedAtOnce(): void {
    this.#endedAtOnce++
    this.#nextAt = Math.max(this.#nextAt, Date.now() + this.#delayMs())
  }

  /** Waits until the next connection may be made. @throws the signal's reason */
  async turn(signal: AbortSignal): Promise<void> {
    while (this.#endedAtOnce >= FREE_TRIES) {
      const waitMs = this.#nextAt - Date.now()
      if (waitMs <= 0) {
        this.#nextAt = Date.now() + this.#delayMs()
        return
      }
      await sleep(Math.min(waitMs, POLL_MS), undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }

  /** Randomized between half of the delay and all of it, so that several gateways do not reconnect at once. */
  #delayMs(): number {
    if (this.#endedAtOnce < FREE_TRIES) return 0
    const most = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#endedAtOnce - FREE_TRIES))
    return most * (0.5 + Math.random() / 2)
  }
}
