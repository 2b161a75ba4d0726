import type { BatchLayout } from '../batches/batch.ts'
import { ArrowError } from '../errors.ts'

const none = new Uint8Array(0)
/** Bytes of a 64-bit integer; its cells read two words of 32 bits. */
const WORD_BYTES = 4

/** A buffer of a batch: its bytes and a view of the same bytes. */
export interface BufferBytes {
  readonly bytes: Uint8Array
  readonly view: DataView
}

/**
 * Reads the nodes and buffers of a record batch in the order of its columns, as typed arrays over the body. Each buffer is checked
 * to hold as many values as its column has rows.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#recordbatch-message.
 */
export class BatchReader {
  readonly #layout: BatchLayout
  readonly #body: Uint8Array
  #node = 0
  #buffer = 0
  #view = 0

  /** @throws ArrowError MALFORMED */
  constructor(layout: BatchLayout, body: Uint8Array) {
    if (body.byteLength < layout.bodyLength) throw malformed('The body of the record batch is truncated.')
    this.#layout = layout
    this.#body = body
  }

  /** Rows of the next column. @throws ArrowError MALFORMED, as the other methods */
  node(): number {
    const rows = this.#layout.nodes[2 * this.#node++]
    if (rows === undefined) throw malformed('The record batch has fewer columns than its schema.')
    return rows
  }

  /** The validity bitmap of the column that `node` began; undefined if no row is null. */
  validity(rows: number): Uint8Array | undefined {
    const nulls = this.#layout.nodes[2 * this.#node - 1]!
    const bits = this.bytes(0)
    if (nulls === 0 || bits.length === 0) return undefined
    if (8 * bits.length < rows) throw malformed('A bitmap of the record batch is too short.')
    return bits
  }

  /** The next buffer. @param minBytes bytes that it must have */
  bytes(minBytes: number): Uint8Array {
    const offset = this.#layout.buffers[2 * this.#buffer]
    const length = this.#layout.buffers[2 * this.#buffer++ + 1]
    if (offset === undefined || length === undefined)
      throw malformed('The record batch has fewer buffers than its schema.')
    if (length < minBytes) throw malformed('A buffer of the record batch is too short.')
    return length === 0 ? none : this.#body.subarray(offset, offset + length)
  }

  /** The next buffer, for texts and other bytes. */
  data(minBytes: number): BufferBytes {
    return bufferBytes(this.bytes(minBytes))
  }

  /** The next buffer as words of 32 bits. @param count words that it must have */
  words(count: number): Int32Array {
    const bytes = this.aligned(WORD_BYTES * count, WORD_BYTES)
    return new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / WORD_BYTES))
  }

  /** The next buffer, at an address that is a multiple of `alignment`. */
  aligned(minBytes: number, alignment: number): Uint8Array {
    const bytes = this.bytes(minBytes)
    return bytes.byteOffset % alignment === 0 ? bytes : new Uint8Array(bytes)
  }

  /**
   * Start and end of the values of each row. An empty column may have no offsets.
   * @param width bytes of an offset: 4 or 8
   */
  offsets(rows: number, width: number): ArrayLike<number> {
    const words = this.words(rows === 0 ? 0 : ((rows + 1) * width) / WORD_BYTES)
    return width === WORD_BYTES ? words : doublesOf(words)
  }

  /** Numbers of 4 or 8 bytes, as doubles. */
  sizes(rows: number, width: number): ArrayLike<number> {
    const words = this.words((rows * width) / WORD_BYTES)
    return width === WORD_BYTES ? words : doublesOf(words)
  }

  /** Integers as numbers. @param format format string of their type */
  integers(format: string, rows: number): ArrayLike<number> {
    switch (format) {
      case 'c': {
        const bytes = this.bytes(rows)
        return new Int8Array(bytes.buffer, bytes.byteOffset, rows)
      }
      case 'C':
        return this.bytes(rows)
      case 's': {
        const bytes = this.aligned(2 * rows, 2)
        return new Int16Array(bytes.buffer, bytes.byteOffset, rows)
      }
      case 'S': {
        const bytes = this.aligned(2 * rows, 2)
        return new Uint16Array(bytes.buffer, bytes.byteOffset, rows)
      }
      case 'I': {
        const bytes = this.aligned(4 * rows, 4)
        return new Uint32Array(bytes.buffer, bytes.byteOffset, rows)
      }
      case 'l':
      case 'L':
        return this.sizes(rows, 8)
      default:
        return this.words(rows)
    }
  }

  /** The data buffers of the next column of views. */
  viewData(): BufferBytes[] {
    const count = this.#layout.variadicCounts?.[this.#view++] ?? 0
    const data: BufferBytes[] = []
    for (let i = 0; i < count; i++) data.push(this.data(0))
    return data
  }
}

export function bufferBytes(bytes: Uint8Array): BufferBytes {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) }
}

/** 64-bit integers as doubles. They are exact, because a body is shorter than 2^53 bytes; checks refuse what is beyond it. */
function doublesOf(words: Int32Array): Float64Array {
  const out = new Float64Array(words.length >> 1)
  for (let i = 0; i < out.length; i++) out[i] = words[2 * i + 1]! * 2 ** 32 + (words[2 * i]! >>> 0)
  return out
}

export function malformed(message: string): ArrowError {
  return new ArrowError('MALFORMED', message)
}
