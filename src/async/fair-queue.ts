/**
 * Fair queue, with one first-in, first-out line per holder. The next item belongs to the holder with the fewest permits; among
 * equals, to the one served longest ago. A long line of one holder delays no other holder.
 */
export class FairQueue<T> {
  /** The non-empty lines, the one served longest ago first. */
  readonly #lines = new Map<string, Set<T>>()
  readonly #held = new Map<string, number>()
  #size = 0

  /** Number of items. */
  get size(): number {
    return this.#size
  }

  /** Number of permits that a holder has. */
  held(holder: string): number {
    return this.#held.get(holder) ?? 0
  }

  /** Counts a permit that a holder takes (1) or releases (-1). */
  hold(holder: string, change: 1 | -1): void {
    const held = this.held(holder) + change
    if (held > 0) this.#held.set(holder, held)
    else this.#held.delete(holder)
  }

  /** Number of a holder's items. */
  waiting(holder: string): number {
    return this.#lines.get(holder)?.size ?? 0
  }

  add(holder: string, item: T): void {
    const line = this.#lines.get(holder)
    if (line) line.add(item)
    else this.#lines.set(holder, new Set([item]))
    this.#size++
  }

  /** Removes an item from its line; ignores an item that is not in the queue. */
  delete(holder: string, item: T): void {
    const line = this.#lines.get(holder)
    if (!line?.delete(item)) return
    this.#size--
    if (line.size === 0) this.#lines.delete(holder)
  }

  /** Removes and returns the next item. @param maxHeld maximum permits of a holder */
  next(maxHeld: number): T | undefined {
    const holder = this.#poorest()
    if (holder === undefined || this.held(holder) >= maxHeld) return undefined
    const line = this.#lines.get(holder)!
    const [item] = line
    this.delete(holder, item!)
    // Holders with equally many permits are served in turn.
    if (this.#lines.delete(holder)) this.#lines.set(holder, line)
    return item
  }

  /** Last item of the longest line, if that has more than `above` items. The item stays in the queue. */
  lastOfLongest(above: number): T | undefined {
    let longest: Set<T> | undefined
    for (const line of this.#lines.values()) if (line.size > (longest?.size ?? above)) longest = line
    return longest && [...longest].at(-1)
  }

  /** The holder with the most permits, if a holder with fewer permits waits. */
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
