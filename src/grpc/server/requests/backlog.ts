const BLOCK_BYTES = 16 << 10

/** Bytes that wait, in their order. They are copied together, so that many small pieces take no more than one large one. */
export class Backlog {
  #blocks: Buffer[] = []
  /** Memory of the last block, and how much of it is used. */
  #last: Buffer | undefined
  #used = 0
  #heldBytes = 0

  get isEmpty(): boolean {
    return this.#blocks.length === 0 && !this.#last
  }

  /** Memory taken. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  append(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (!this.#last) {
        this.#last = Buffer.allocUnsafeSlow(BLOCK_BYTES)
        this.#used = 0
        this.#heldBytes += BLOCK_BYTES
      }
      const copied = bytes.copy(this.#last, this.#used, at)
      at += copied
      this.#used += copied
      if (this.#used < BLOCK_BYTES) continue
      this.#blocks.push(this.#last)
      this.#last = undefined
    }
  }

  /** The next bytes; undefined when there are none. */
  take(): Buffer | undefined {
    const block = this.#blocks.shift() ?? this.#last?.subarray(0, this.#used)
    if (!block) return undefined
    if (block.buffer === this.#last?.buffer) this.#last = undefined
    this.#heldBytes -= BLOCK_BYTES
    return block
  }

  /** Puts the end of what was taken last in front again. */
  putBack(rest: Buffer): void {
    this.#blocks.unshift(rest)
    this.#heldBytes += BLOCK_BYTES
  }

  /** Forgets all. */
  drop(): void {
    this.#blocks = []
    this.#last = undefined
    this.#heldBytes = 0
  }
}
