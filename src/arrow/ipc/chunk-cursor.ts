import { ArrowError } from '../errors.ts'

/** A varint has at most ten bytes. */
const MAX_VARINT_SCALE = 2 ** 63

/**
 * Reads bytes that are spread over several buffers, from the first to the last. It does not join the buffers: it copies only
 * what `bytes` returns across a buffer's end.
 */
export class ChunkCursor {
  readonly #chunks: readonly Uint8Array[]
  #chunk: Uint8Array
  /** Offset of the next byte in the current buffer. */
  #at = 0
  #next = 1
  #left: number

  /** @param byteLength sum of the lengths of the chunks */
  constructor(chunks: readonly Uint8Array[], byteLength: number) {
    this.#chunks = chunks
    this.#chunk = chunks[0] ?? new Uint8Array(0)
    this.#left = byteLength
  }

  /** Number of unread bytes. */
  get left(): number {
    return this.#left
  }

  /** Another cursor at the same byte. */
  clone(): ChunkCursor {
    const copy = new ChunkCursor(this.#chunks, this.#left)
    copy.#chunk = this.#chunk
    copy.#at = this.#at
    copy.#next = this.#next
    return copy
  }

  /** Reads a protobuf varint; values above 2^53 lose precision. @throws ArrowError MALFORMED */
  varint(): number {
    let value = 0
    for (let scale = 1; scale <= MAX_VARINT_SCALE; scale *= 128) {
      if (this.#left === 0) throw this.malformed()
      if (this.#at === this.#chunk.byteLength) this.#enter()
      const byte = this.#chunk[this.#at++]!
      this.#left--
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw this.malformed()
  }

  /** Reads bytes: a view if they lie in one buffer, else a copy. @throws ArrowError MALFORMED if there are fewer */
  bytes(length: number): Uint8Array {
    if (length > this.#left) throw this.malformed()
    this.#enter()
    if (this.#at + length <= this.#chunk.byteLength) {
      const view = this.#chunk.subarray(this.#at, this.#at + length)
      this.advance(length)
      return view
    }
    const copy = Buffer.allocUnsafe(length)
    for (let written = 0; written < length; ) {
      this.#enter()
      const part = Math.min(length - written, this.#chunk.byteLength - this.#at)
      copy.set(this.#chunk.subarray(this.#at, this.#at + part), written)
      written += part
      this.#at += part
      this.#left -= part
    }
    return copy
  }

  /** Reads bytes as views, one for each buffer that they lie in. @throws ArrowError MALFORMED if there are fewer */
  views(length: number): Uint8Array[] {
    if (length > this.#left) throw this.malformed()
    const views: Uint8Array[] = []
    for (let left = length; left > 0; ) {
      this.#enter()
      const part = Math.min(left, this.#chunk.byteLength - this.#at)
      views.push(this.#chunk.subarray(this.#at, this.#at + part))
      left -= part
      this.#at += part
      this.#left -= part
    }
    return views
  }

  /** Skips bytes. @throws ArrowError MALFORMED if there are fewer */
  advance(length: number): void {
    if (length > this.#left) throw this.malformed()
    this.#left -= length
    // At the end there is no need to walk the buffers.
    if (this.#left === 0) return
    let rest = length
    while (rest > this.#chunk.byteLength - this.#at) {
      rest -= this.#chunk.byteLength - this.#at
      this.#enterNext()
    }
    this.#at += rest
  }

  /** The error for bytes that end too early or have no meaning. */
  protected malformed(): ArrowError {
    return new ArrowError('MALFORMED', 'The message is malformed.')
  }

  /** Advances to the buffer that holds the next byte. */
  #enter(): void {
    while (this.#at === this.#chunk.byteLength && this.#next < this.#chunks.length) this.#enterNext()
  }

  #enterNext(): void {
    const chunk = this.#chunks[this.#next++]
    if (!chunk) throw this.malformed()
    this.#chunk = chunk
    this.#at = 0
  }
}
