/** Bytes that a stream may send per turn. */
const TURN_BYTES = 256 << 10
/** Time that a connection may send before it yields to the event loop, in milliseconds. */
const TURN_MS = 5

/** A stream with buffered DATA. */
export interface QueuedStream {
  flush(maxBytes: number): void
}

/** The connection that the streams share. */
export interface SendGate {
  /** Whether the connection allows DATA now. */
  readonly isOpen: boolean
}

/** Round-robin queue of streams that wait for the connection (its window, socket or time slice), not for their own window. */
export class SendScheduler {
  readonly #gate: SendGate
  readonly #waiting = new Set<QueuedStream>()
  #isFlushing = false
  #isScheduled = false

  constructor(gate: SendGate) {
    this.#gate = gate
  }

  /** Queues a stream for the next `flush`, or for the next turn of the event loop if the gate is open. */
  add(stream: QueuedStream): void {
    this.#waiting.add(stream)
    if (!this.#isFlushing && this.#gate.isOpen) this.#schedule()
  }

  remove(stream: QueuedStream): void {
    this.#waiting.delete(stream)
  }

  /** Lets the queued streams send 256 KiB each in turn until the gate closes. After 5 ms, it yields to the event loop. */
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
