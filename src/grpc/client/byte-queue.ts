const BLOCK_BYTES = 64 << 10

interface Block {
  readonly bytes: Buffer
  from: number
  to: number
}

/** Queue of unparsed bytes, copied into 64 KiB blocks, so that many small chunks take no more memory than their content. */
export class ByteQueue {
  readonly #blocks: Block[] = []

  get isEmpty(): boolean {
    return this.#blocks.length === 0
  }

  /** Appends the bytes from offset `from` on. */
  add(bytes: Buffer, from: number): void {
    for (let at = from; at < bytes.length; ) {
      let last = this.#blocks.at(-1)
      if (!last || last.to === BLOCK_BYTES) {
        last = { bytes: Buffer.allocUnsafeSlow(BLOCK_BYTES), from: 0, to: 0 }
        this.#blocks.push(last)
      }
      const copied = bytes.copy(last.bytes, last.to, at)
      last.to += copied
      at += copied
    }
  }

  /** Returns the oldest bytes; the queue must not be empty. The view stays valid after `take`. */
  peek(): Buffer {
    const { bytes, from, to } = this.#blocks[0]!
    return bytes.subarray(from, to)
  }

  /** Removes the oldest bytes. @param count at most the length that `peek` returned */
  take(count: number): void {
    const first = this.#blocks[0]!
    first.from += count
    if (first.from === first.to) this.#blocks.shift()
  }

  clear(): void {
    this.#blocks.length = 0
  }
}
