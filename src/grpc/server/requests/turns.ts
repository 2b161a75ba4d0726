/** How long work over buffered messages may hold the event loop, in milliseconds. */
const TURN_MS = 10
/** Of those that wait, how many go on in a turn: most have little to do before they wait for something else. */
const CALLS_IN_A_TURN = 8

/**
 * Shares the event loop between calls that work through many messages that have come already: together they hold it for a
 * turn, then sockets and timers have theirs. Those that wait go on in their order, a few in each turn.
 */
export class Turns {
  #endsAt = 0
  #isScheduled = false
  readonly #waiting: (() => void)[] = []
  readonly #onTurn = () => {
    this.#isScheduled = false
    if (this.#waiting.length === 0) return
    this.#begin(performance.now())
    for (const goOn of this.#waiting.splice(0, CALLS_IN_A_TURN)) goOn()
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
