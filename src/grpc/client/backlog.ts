const BLOCK_BYTES = 64 << 10

interface Block {
  readonly bytes: Buffer
  from: number
  to: number
}

/** Bytes that wait, copied one behind the other: many small pieces take no more memory than what is in them. */
export class Backlog {
  readonly #blocks: Block[] = []

  get isEmpty(): boolean {
    return this.#blocks.length === 0
  }

  /** Adds what is behind `from`. */
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

  /** The oldest bytes, of which there are some; they stay as they are after they were taken. */
  peek(): Buffer {
    const { bytes, from, to } = this.#blocks[0]!
    return bytes.subarray(from, to)
  }

  /** Takes so many of the oldest bytes away, as many as `peek` showed at most. */
  take(count: number): void {
    const first = this.#blocks[0]!
    first.from += count
    if (first.from === first.to) this.#blocks.shift()
  }

  clear(): void {
    this.#blocks.length = 0
  }
}
