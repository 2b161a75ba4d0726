const WINDOW_MS = 1000

interface Kind {
  lines: number
  more: number
}

/** Keeps log lines that strangers can cause to so many a second for each kind, and says how many more there were. */
export class LineLimit {
  readonly #perSecond: number
  readonly #onMore: (kind: string, count: number) => void
  readonly #kinds = new Map<string, Kind>()
  #timer: NodeJS.Timeout | undefined

  /** @param onMore told at the end of a second how many lines of a kind were left out in it */
  constructor(perSecond: number, onMore: (kind: string, count: number) => void) {
    this.#perSecond = perSecond
    this.#onMore = onMore
  }

  /** Whether one more line of this kind may be written. @param kind one of a few */
  admits(kind: string): boolean {
    this.#timer ??= setTimeout(() => this.flush(), WINDOW_MS).unref()
    let known = this.#kinds.get(kind)
    if (!known) {
      known = { lines: 0, more: 0 }
      this.#kinds.set(kind, known)
    }
    if (known.lines++ < this.#perSecond) return true
    known.more++
    return false
  }

  /** Ends the second: tells what was left out. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [kind, { more }] of this.#kinds) if (more > 0) this.#onMore(kind, more)
    this.#kinds.clear()
  }
}
