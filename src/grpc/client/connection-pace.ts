import { setTimeout as sleep } from 'node:timers/promises'

/** Connections in a row that end at once before the next has to wait: a stale one among them is no sign of anything. */
const FREE_TRIES = 2
const FIRST_DELAY_MS = 50
const MAX_DELAY_MS = 1000
/** How often those who wait look whether they need not any more. */
const LOOK_EVERY_MS = 50

/**
 * How fast connections to one address are made while the server ends each before it has served anything, as one does that sends
 * GOAWAY to all: one after another, with growing pauses of random length between them. One that serves a call ends the pauses.
 */
export class ConnectionPace {
  #endedAtOnce = 0
  #nextAt = 0

  /** A connection has served a call. */
  onServed(): void {
    this.#endedAtOnce = 0
  }

  /** A connection came about and has ended before it served a call. */
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
      await sleep(Math.min(waitMs, LOOK_EVERY_MS), undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }

  /** Between half of the pause and all of it, so that several gateways do not come at once. */
  #delayMs(): number {
    if (this.#endedAtOnce < FREE_TRIES) return 0
    const most = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#endedAtOnce - FREE_TRIES))
    return most * (0.5 + Math.random() / 2)
  }
}
