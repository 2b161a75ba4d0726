const WINDOW_MS = 1000

interface Kind {
  lines: number
  omitted: number
}

/** Rate limit for log lines that unauthenticated clients can cause: so many per second and kind. Counts the omitted lines. */
export class LineLimit {
  readonly #perSecond: number
  readonly #onMore: (kind: string, count: number) => void
  readonly #kinds = new Map<string, Kind>()
  #timer: NodeJS.Timeout | undefined

  /** @param onMore called at the end of a second with the number of omitted lines of a kind */
  constructor(perSecond: number, onMore: (kind: string, count: number) => void) {
    this.#perSecond = perSecond
    this.#onMore = onMore
  }

  /** Whether one more line of this kind may be written. @param kind one of a small set, since each takes memory */
  admits(kind: string): boolean {
    this.#timer ??= setTimeout(() => this.flush(), WINDOW_MS).unref()
    let known = this.#kinds.get(kind)
    if (!known) {
      known = { lines: 0, omitted: 0 }
      this.#kinds.set(kind, known)
    }
    if (known.lines++ < this.#perSecond) return true
    known.omitted++
    return false
  }

  /** Ends the current second and reports the omitted lines. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [kind, { omitted }] of this.#kinds) if (omitted > 0) this.#onMore(kind, omitted)
    this.#kinds.clear()
  }
}
