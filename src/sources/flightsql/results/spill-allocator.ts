/** Bytes of a file that follow each other. */
export interface Extent {
  readonly at: number
  readonly byteLength: number
}

/** Which places of a file of limited size are taken. The lowest ones are given first, which keeps the file small. */
export class SpillAllocator {
  readonly #limitBytes: number
  /** By position; none of them touches another, or the end of the file. */
  readonly #free: Extent[] = []
  #end = 0
  #taken = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Where the last place ends that is taken. */
  get end(): number {
    return this.#end
  }

  hasRoomFor(byteLength: number): boolean {
    return this.#taken + byteLength <= this.#limitBytes
  }

  /** Takes places for so many bytes, in order; undefined where there is no room. */
  take(byteLength: number): Extent[] | undefined {
    if (!this.hasRoomFor(byteLength)) return undefined
    this.#taken += byteLength
    const taken: Extent[] = []
    let left = byteLength
    while (left > 0) {
      const [free = { at: this.#end, byteLength: left }] = this.#free
      const size = Math.min(left, free.byteLength)
      taken.push({ at: free.at, byteLength: size })
      if (free.at === this.#end) this.#end += size
      else if (size === free.byteLength) this.#free.shift()
      else this.#free[0] = { at: free.at + size, byteLength: free.byteLength - size }
      left -= size
    }
    return taken
  }

  /** Gives places back that were taken. */
  giveBack(extents: readonly Extent[]): void {
    for (const { at, byteLength } of extents) {
      this.#taken -= byteLength
      this.#free.push({ at, byteLength })
    }
    this.#free.sort((a, b) => a.at - b.at)
    const merged: Extent[] = []
    for (const each of this.#free.splice(0)) {
      const last = merged.at(-1)
      if (last && last.at + last.byteLength === each.at)
        merged[merged.length - 1] = { at: last.at, byteLength: last.byteLength + each.byteLength }
      else merged.push(each)
    }
    const last = merged.at(-1)
    if (last && last.at + last.byteLength === this.#end) {
      this.#end = last.at
      merged.pop()
    }
    this.#free.push(...merged)
  }
}
