/** A contiguous range of bytes in a file. */
export interface Extent {
  readonly at: number
  readonly byteLength: number
}

/** Allocates extents of a file of limited size, the lowest first, which keeps the file small. */
export class SpillAllocator {
  readonly #limitBytes: number
  /** Free extents in order of position. None is adjacent to another or to the end of the file. */
  readonly #free: Extent[] = []
  #end = 0
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** End of the last allocated extent. */
  get end(): number {
    return this.#end
  }

  hasRoomFor(byteLength: number): boolean {
    return this.#usedBytes + byteLength <= this.#limitBytes
  }

  /** Allocates extents for this many bytes, in the order to write them; undefined if they exceed the limit. */
  allocate(byteLength: number): Extent[] | undefined {
    if (!this.hasRoomFor(byteLength)) return undefined
    this.#usedBytes += byteLength
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

  /** Frees allocated extents. */
  free(extents: readonly Extent[]): void {
    for (const { at, byteLength } of extents) {
      this.#usedBytes -= byteLength
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
