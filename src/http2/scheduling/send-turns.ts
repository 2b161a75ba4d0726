/** What one stream may send before the others get their turn. */
const TURN_BYTES = 256 << 10
/** How long the streams of a connection may send before the event loop gets its turn, in milliseconds. */
const TURN_MS = 5

/** A stream that has something to send. */
export interface Waiting {
  flush(maxBytes: number): void
}

/** What the streams of a connection share. */
export interface SendGate {
  /** Whether a stream may send now. */
  readonly isOpen: boolean
}

/** Streams that only the connection holds up, or the time that they have taken, in the order of their turns. */
export class SendScheduler {
  readonly #gate: SendGate
  readonly #waiting = new Set<Waiting>()
  #isFlushing = false
  #isScheduled = false

  constructor(gate: SendGate) {
    this.#gate = gate
  }

  /** Gives a stream a turn: when `flush` is called, or soon where the gate is open. */
  add(stream: Waiting): void {
    this.#waiting.add(stream)
    if (!this.#isFlushing && this.#gate.isOpen) this.#schedule()
  }

  remove(stream: Waiting): void {
    this.#waiting.delete(stream)
  }

  /** Those who wait send a share each, in turn, until none can send more; what takes long is done a little at a time. */
  flush(): void {
    const until = performance.now() + TURN_MS
    this.#isFlushing = true
    while (this.#gate.isOpen) {
      const [next] = this.#waiting
      if (!next) break
      if (performance.now() > until) {
        this.#schedule()
        break
      }
      this.#waiting.delete(next)
      next.flush(TURN_BYTES)
    }
    this.#isFlushing = false
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.flush()
    })
  }
}
