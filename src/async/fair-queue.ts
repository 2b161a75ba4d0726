/**
 * Items that wait in a line for each holder. The next one is of the holder that holds least, and of those the one that was
 * served longest ago, so that a long line of one holder delays no other.
 */
export class FairQueue<T> {
  /** Only lines with items in them; in the order in which they were served last. */
  readonly #lines = new Map<string, Set<T>>()
  readonly #held = new Map<string, number>()
  #size = 0

  /** How many wait. */
  get size(): number {
    return this.#size
  }

  /** How many a holder holds. */
  held(holder: string): number {
    return this.#held.get(holder) ?? 0
  }

  /** A holder holds one more, or with -1 one fewer. */
  hold(holder: string, change: 1 | -1): void {
    const held = this.held(holder) + change
    if (held > 0) this.#held.set(holder, held)
    else this.#held.delete(holder)
  }

  /** How many items of a holder wait. */
  waiting(holder: string): number {
    return this.#lines.get(holder)?.size ?? 0
  }

  add(holder: string, item: T): void {
    const line = this.#lines.get(holder)
    if (line) line.add(item)
    else this.#lines.set(holder, new Set([item]))
    this.#size++
  }

  /** Takes an item out, wherever it stands; one that is not there is no error. */
  delete(holder: string, item: T): void {
    const line = this.#lines.get(holder)
    if (!line?.delete(item)) return
    this.#size--
    if (line.size === 0) this.#lines.delete(holder)
  }

  /** Takes the next item out. @param maxHeld a holder that holds so many gets none */
  next(maxHeld: number): T | undefined {
    const holder = this.#poorest()
    if (holder === undefined || this.held(holder) >= maxHeld) return undefined
    const line = this.#lines.get(holder)!
    const [item] = line
    this.delete(holder, item!)
    // The others come first when they hold as much.
    if (this.#lines.delete(holder)) this.#lines.set(holder, line)
    return item
  }

  /** The last item of the longest line that has more than `above`, which stays there. */
  lastOfLongest(above: number): T | undefined {
    let longest: Set<T> | undefined
    for (const line of this.#lines.values()) if (line.size > (longest?.size ?? above)) longest = line
    return longest && [...longest].at(-1)
  }

  /** The holder that holds most, if another that holds less waits. */
  get richest(): string | undefined {
    const poorest = this.#poorest()
    if (poorest === undefined) return undefined
    let richest = poorest
    for (const [holder, held] of this.#held) if (held > this.held(richest)) richest = holder
    return richest === poorest ? undefined : richest
  }

  #poorest(): string | undefined {
    let poorest: string | undefined
    for (const holder of this.#lines.keys())
      if (poorest === undefined || this.held(holder) < this.held(poorest)) poorest = holder
    return poorest
  }
}
