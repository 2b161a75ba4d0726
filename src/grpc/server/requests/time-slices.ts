/** Time that calls may process buffered messages per turn of the event loop, in milliseconds. */
const SLICE_MS = 10
/** Number of waiting calls that resume per turn: most do little before they wait for something else. */
const CALLS_PER_TURN = 8

/**
 * Shares the event loop between calls that process many buffered messages. Together they run for one time slice, then sockets and
 * timers run. Waiting calls resume in order, a few per turn.
 */
export class TimeSlices {
  #endsAt = 0
  #isScheduled = false
  readonly #waiting: (() => void)[] = []
  readonly #onTurn = () => {
    this.#isScheduled = false
    if (this.#waiting.length === 0) return
    this.#begin(performance.now())
    for (const resume of this.#waiting.splice(0, CALLS_PER_TURN)) resume()
  }

  /** To be called before each message. @returns undefined if the call may continue, else a promise to wait for */
  next(): Promise<void> | undefined {
    const now = performance.now()
    if (!this.#isScheduled) this.#begin(now)
    if (now < this.#endsAt) return undefined
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #begin(now: number): void {
    this.#endsAt = now + SLICE_MS
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }
}
