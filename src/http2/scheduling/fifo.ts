/** Taken entries are kept until there are so many of them, and no fewer than of those that wait. */
const MIN_COMPACTED = 32

/** First in, first out: taking the first costs the same however many wait, which `Array.shift` does not promise. */
export class Fifo<T> {
  #entries: T[] = []
  #taken = 0

  get length(): number {
    return this.#entries.length - this.#taken
  }

  /** The entry that is next; undefined when there is none. */
  get first(): T | undefined {
    return this.#entries[this.#taken]
  }

  push(entry: T): void {
    this.#entries.push(entry)
  }

  /** Takes the first entry; there must be one. */
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

  /** Takes all of them. */
  takeAll(): T[] {
    const all = this.#taken === 0 ? this.#entries : this.#entries.slice(this.#taken)
    this.#entries = []
    this.#taken = 0
    return all
  }
}
