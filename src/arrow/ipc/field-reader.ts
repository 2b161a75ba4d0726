import { ArrowError } from '../errors.ts'

const WIRE_VARINT = 0
const WIRE_64 = 1
const WIRE_LENGTH = 2
const WIRE_GROUP = 3
const WIRE_GROUP_END = 4
const WIRE_32 = 5
/** A varint has at most ten bytes. */
const MAX_VARINT_SCALE = 2 ** 63

/**
 * Reads the length-delimited fields of a protobuf message that is spread over several buffers. It does not join the buffers: it
 * copies only a field that crosses a buffer's end, and only in `take`. It skips groups and fields of other wire types, which no
 * message read here needs.
 * Source: https://protobuf.dev/programming-guides/encoding/.
 */
export class FieldReader {
  readonly #chunks: readonly Uint8Array[]
  #chunk: Uint8Array
  /** Offset of the next byte in the current buffer. */
  #at = 0
  #next = 1
  /** Unread bytes of the message. */
  #left: number
  #length = 0

  /** @param byteLength sum of the lengths of the chunks */
  constructor(chunks: readonly Uint8Array[], byteLength: number) {
    this.#chunks = chunks
    this.#chunk = chunks[0] ?? new Uint8Array(0)
    this.#left = byteLength
  }

  /** Length of the field that `next` found, in bytes. */
  get length(): number {
    return this.#length
  }

  /** Unread bytes of the message, including the field that `next` found. */
  get left(): number {
    return this.#left
  }

  /**
   * Finds the next length-delimited field; `take` or `skip` must follow.
   * @returns its field number; 0 at the end of the message
   * @throws ArrowError MALFORMED
   */
  next(): number {
    let groups = 0
    while (this.#left > 0) {
      const tag = this.#varint()
      const field = Math.floor(tag / 8)
      if (field === 0) throw malformed()
      switch (tag % 8) {
        case WIRE_LENGTH:
          this.#length = this.#varint()
          if (this.#length > this.#left) throw malformed()
          if (groups === 0) return field
          this.skip()
          break
        case WIRE_VARINT:
          this.#varint()
          break
        case WIRE_64:
          this.#skip(8)
          break
        case WIRE_32:
          this.#skip(4)
          break
        case WIRE_GROUP:
          groups++
          break
        case WIRE_GROUP_END:
          if (--groups < 0) throw malformed()
          break
        default:
          throw malformed()
      }
    }
    if (groups > 0) throw malformed()
    return 0
  }

  /** Returns the field that `next` found: a view if it lies in one buffer, else a copy. */
  take(): Uint8Array {
    const length = this.#length
    this.#enter()
    if (this.#at + length <= this.#chunk.byteLength) {
      const view = this.#chunk.subarray(this.#at, this.#at + length)
      this.#skip(length)
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

  /** Returns the field that `next` found as views, one for each buffer that it lies in. */
  takeViews(): Uint8Array[] {
    const views: Uint8Array[] = []
    for (let left = this.#length; left > 0; ) {
      this.#enter()
      const part = Math.min(left, this.#chunk.byteLength - this.#at)
      views.push(this.#chunk.subarray(this.#at, this.#at + part))
      left -= part
      this.#at += part
      this.#left -= part
    }
    return views
  }

  /** Skips the field that `next` found. */
  skip(): void {
    this.#skip(this.#length)
  }

  #skip(length: number): void {
    if (length > this.#left) throw malformed()
    this.#left -= length
    // At the end of the message there is no need to walk the buffers.
    if (this.#left === 0) return
    let rest = length
    while (rest > this.#chunk.byteLength - this.#at) {
      rest -= this.#chunk.byteLength - this.#at
      this.#advance()
    }
    this.#at += rest
  }

  /** Advances to the buffer that holds the next byte. */
  #enter(): void {
    while (this.#at === this.#chunk.byteLength && this.#next < this.#chunks.length) this.#advance()
  }

  #advance(): void {
    const chunk = this.#chunks[this.#next++]
    if (!chunk) throw malformed()
    this.#chunk = chunk
    this.#at = 0
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; scale <= MAX_VARINT_SCALE; scale *= 128) {
      if (this.#left === 0) throw malformed()
      if (this.#at === this.#chunk.byteLength) this.#enter()
      const byte = this.#chunk[this.#at++]!
      this.#left--
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw malformed()
  }
}

function malformed(): ArrowError {
  return new ArrowError('MALFORMED', 'The FlightData message is malformed.')
}
