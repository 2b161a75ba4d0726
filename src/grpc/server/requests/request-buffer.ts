const BLOCK_BYTES = 16 << 10

/** Queue of unparsed request bytes, copied into 16 KiB blocks, so that many small chunks take no more memory than a large one. */
export class RequestBuffer {
  #blocks: Buffer[] = []
  /** The last block, and its used bytes. */
  #last: Buffer | undefined
  #used = 0
  #heldBytes = 0

  get isEmpty(): boolean {
    return this.#blocks.length === 0 && !this.#last
  }

  /** Allocated memory, in bytes. */
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

  /** Removes and returns the next bytes; undefined if there are none. */
  take(): Buffer | undefined {
    const block = this.#blocks.shift() ?? this.#last?.subarray(0, this.#used)
    if (!block) return undefined
    if (block.buffer === this.#last?.buffer) this.#last = undefined
    this.#heldBytes -= BLOCK_BYTES
    return block
  }

  /** Puts the unparsed end of the last taken block back in front. */
  putBack(rest: Buffer): void {
    this.#blocks.unshift(rest)
    this.#heldBytes += BLOCK_BYTES
  }

  /** Discards all bytes. */
  drop(): void {
    this.#blocks = []
    this.#last = undefined
    this.#heldBytes = 0
  }
}
