/** How long work over buffered messages may hold the event loop, in milliseconds. */
const TURN_MS = 10

/**
 * Shares the event loop between calls that work through many messages that have come already: together they hold it for a
 * turn, then sockets and timers have theirs. Of those that wait, one goes on in each turn, in their order.
 */
export class Turns {
  #endsAt = 0
  #isScheduled = false
  readonly #waiting: (() => void)[] = []
  readonly #onTurn = () => {
    this.#isScheduled = false
    const next = this.#waiting.shift()
    if (!next) return
    this.#begin(performance.now())
    next()
  }

  /** Asks to go on: undefined when it may, else what must be waited for. */
  next(): Promise<void> | undefined {
    const now = performance.now()
    if (!this.#isScheduled) this.#begin(now)
    if (now < this.#endsAt) return undefined
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #begin(now: number): void {
    this.#endsAt = now + TURN_MS
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }
}
