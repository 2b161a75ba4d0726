import { ArrowError } from '../errors.ts'
import { ChunkCursor } from './chunk-cursor.ts'

const WIRE_VARINT = 0
const WIRE_64 = 1
const WIRE_LENGTH = 2
const WIRE_GROUP = 3
const WIRE_GROUP_END = 4
const WIRE_32 = 5
/** Fields of a message, unknown ones too: reading one cannot be interrupted. The messages of Flight have a few. */
const MAX_FIELDS = 10_000

/**
 * Reads the length-delimited fields of a protobuf message that is spread over several buffers. It does not join the buffers: it
 * copies only a field that crosses a buffer's end, and only in `take`. It skips groups and fields of other wire types, which no
 * message of Flight that is read here needs.
 * Source: https://protobuf.dev/programming-guides/encoding/.
 */
export class FieldReader extends ChunkCursor {
  #length = 0
  #fieldsLeft = MAX_FIELDS

  /** Length of the field that `next` found, in bytes. */
  get length(): number {
    return this.#length
  }

  /**
   * Finds the next length-delimited field; `take` or `skip` must follow.
   * @returns its field number; 0 at the end of the message
   * @throws ArrowError MALFORMED
   */
  next(): number {
    let groups = 0
    while (this.left > 0) {
      const tag = this.varint()
      const field = Math.floor(tag / 8)
      if (field === 0 || --this.#fieldsLeft < 0) throw this.malformed()
      switch (tag % 8) {
        case WIRE_LENGTH:
          this.#length = this.varint()
          if (this.#length > this.left) throw this.malformed()
          if (groups === 0) return field
          this.skip()
          break
        case WIRE_VARINT:
          this.varint()
          break
        case WIRE_64:
          this.advance(8)
          break
        case WIRE_32:
          this.advance(4)
          break
        case WIRE_GROUP:
          groups++
          break
        case WIRE_GROUP_END:
          if (--groups < 0) throw this.malformed()
          break
        default:
          throw this.malformed()
      }
    }
    if (groups > 0) throw this.malformed()
    return 0
  }

  /** Returns the field that `next` found: a view if it lies in one buffer, else a copy. */
  take(): Uint8Array {
    return this.bytes(this.#length)
  }

  /** Returns the field that `next` found as views, one for each buffer that it lies in. */
  takeViews(): Uint8Array[] {
    return this.views(this.#length)
  }

  /** Skips the field that `next` found. */
  skip(): void {
    this.advance(this.#length)
  }

  protected override malformed(): ArrowError {
    return new ArrowError('MALFORMED', 'The FlightData message is malformed.')
  }
}
