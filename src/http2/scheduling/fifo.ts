/** Taken entries are removed once there are at least this many, and at least as many as entries left. */
const MIN_COMPACTED = 32

/** First-in, first-out queue. `shift` takes amortized constant time, which `Array.shift` does not guarantee. */
export class Fifo<T> {
  #entries: T[] = []
  #taken = 0

  get length(): number {
    return this.#entries.length - this.#taken
  }

  /** The next entry; undefined if the queue is empty. */
  get first(): T | undefined {
    return this.#entries[this.#taken]
  }

  push(entry: T): void {
    this.#entries.push(entry)
  }

  /** Removes and returns the first entry; the queue must not be empty. */
  shift(): T {
    const entry = this.#entries[this.#taken++]!
    if (this.#taken === this.#entries.length) {
      this.#entries.length = 0
      this.#taken = 0
    } else if (this.#taken >= MIN_COMPACTED && 2 * this.#taken >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#taken)
      this.#taken = 0
    }
    return entry
  }

  /** Removes and returns all entries. */
  takeAll(): T[] {
    const all = this.#taken === 0 ? this.#entries : this.#entries.slice(this.#taken)
    this.#entries = []
    this.#taken = 0
    return all
  }
}
