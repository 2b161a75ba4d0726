/**
 * A queue with a line for each holder. The next item is of the holder that holds least, and of several such holders the one
 * that was served longest ago: a long line of one holder delays no other holder.
 */
export class FairQueue<T> {
  /** The lines that have items, in the order in which they were last served. */
  readonly #lines = new Map<string, Set<T>>()
  readonly #held = new Map<string, number>()
  #size = 0

  /** How many items wait. */
  get size(): number {
    return this.#size
  }

  /** How many permits a holder has. */
  held(holder: string): number {
    return this.#held.get(holder) ?? 0
  }

  /** Counts that a holder has one permit more, or one fewer. */
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

  /** Removes an item, wherever it stands. An item that is not in the queue is ignored. */
  delete(holder: string, item: T): void {
    const line = this.#lines.get(holder)
    if (!line?.delete(item)) return
    this.#size--
    if (line.size === 0) this.#lines.delete(holder)
  }

  /** Removes the next item and returns it. @param maxHeld how many permits a holder may have */
  next(maxHeld: number): T | undefined {
    const holder = this.#poorest()
    if (holder === undefined || this.held(holder) >= maxHeld) return undefined
    const line = this.#lines.get(holder)!
    const [item] = line
    this.delete(holder, item!)
    // Holders with as many permits are served in turn.
    if (this.#lines.delete(holder)) this.#lines.set(holder, line)
    return item
  }

  /** The last item of the longest line, if that has more than `above` items. The item stays in the queue. */
  lastOfLongest(above: number): T | undefined {
    let longest: Set<T> | undefined
    for (const line of this.#lines.values()) if (line.size > (longest?.size ?? above)) longest = line
    return longest && [...longest].at(-1)
  }

  /** The holder that has most permits, if another waits that has fewer. */
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
