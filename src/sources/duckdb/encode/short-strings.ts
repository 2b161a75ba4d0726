import type { ColumnPart } from '../native/arrow-array-reader.ts'
import { type Address, addressOf, memcpy } from '../native/library.ts'
import { vectorData, vectorValidity } from '../native/streaming-result.ts'

/** Longest string that DuckDB stores inline in the vector, after its length. */
const MAX_INLINE_BYTES = 12
const WORDS = 4
const VECTOR_ROWS = 2048
const BLOCK_BYTES = 256 << 10
/** Blocks kept for the next result. */
const MAX_IDLE_BLOCKS = 4

interface Block {
  readonly view: DataView<ArrayBuffer>
  readonly address: Address
}

/**
 * Copies strings (or blobs) of at most 12 bytes from DuckDB's vectors to Arrow's offsets and values. For codes, flags and
 * names this costs a fifth of DuckDB's own conversion. The memory is reused once all parts are released, and one object
 * serves one result after another.
 * Source: `duckdb_string_t`, https://duckdb.org/docs/stable/clients/c/vector#strings.
 */
export class ShortStrings {
  #vector = new Uint32Array(WORDS * VECTOR_ROWS)
  #vectorAddress = addressOf(this.#vector)
  #validity = new Uint32Array(VECTOR_ROWS / 32)
  #validityAddress = addressOf(this.#validity)
  readonly #blocks: Block[] = []
  #block = 0
  #at = 0
  #liveParts = 0

  /** The strings of a vector, valid until released; undefined when one of them is longer. */
  read(vector: Address, rows: number): ColumnPart | undefined {
    this.#ensureCapacity(rows)
    memcpy(this.#vectorAddress, vectorData(vector), 4 * WORDS * rows)
    const validity = vectorValidity(vector)
    if (validity !== 0) this.#clearNulls(validity, rows)
    const offsetBytes = 4 * (rows + 1)
    const { view, address } = this.#blockWith(offsetBytes + MAX_INLINE_BYTES * (rows + 1))
    const start = this.#at
    const length = copyStrings(this.#vector, new Int32Array(view.buffer, start, rows + 1), view, start + offsetBytes)
    if (length < 0) return undefined
    this.#at = (start + offsetBytes + length + 7) & -8
    this.#liveParts++
    return {
      rows,
      offset: 0,
      nulls: validity === 0 ? 0 : -1,
      buffer0: validity,
      buffer1: address + start,
      buffer2: address + start + offsetBytes,
      children: 0,
      childCount: 0,
      dictionary: 0,
    }
  }

  /** Releases one part. */
  release(): void {
    if (--this.#liveParts === 0) this.#block = this.#at = 0
  }

  /** Frees memory that only a large result needs. */
  trim(): void {
    if (this.#liveParts === 0 && this.#blocks.length > MAX_IDLE_BLOCKS) this.#blocks.length = MAX_IDLE_BLOCKS
  }

  #ensureCapacity(rows: number): void {
    if (WORDS * rows <= this.#vector.length) return
    this.#vector = new Uint32Array(WORDS * rows)
    this.#vectorAddress = addressOf(this.#vector)
    this.#validity = new Uint32Array(2 * Math.ceil(rows / 64))
    this.#validityAddress = addressOf(this.#validity)
  }

  /** A null row may hold anything: its length becomes 0. */
  #clearNulls(validity: Address, rows: number): void {
    memcpy(this.#validityAddress, validity, 8 * Math.ceil(rows / 64))
    for (let row = 0; row < rows; row++)
      if (((this.#validity[row >> 5]! >>> (row & 31)) & 1) === 0) this.#vector[WORDS * row] = 0
  }

  /** A block with `bytes` free bytes at `#at`. */
  #blockWith(bytes: number): Block {
    const block = this.#blocks[this.#block]
    if (block && this.#at + bytes <= block.view.byteLength) return block
    if (block) this.#block++
    this.#at = 0
    const next = this.#blocks[this.#block]
    if (next && bytes <= next.view.byteLength) return next
    const view = new DataView(new ArrayBuffer(Math.max(BLOCK_BYTES, bytes)))
    const newBlock = { view, address: addressOf(view) }
    this.#blocks.splice(this.#block, 0, newBlock)
    return newBlock
  }
}

/**
 * Copies the strings of a vector. Writes up to 12 bytes beyond the last value.
 * @returns bytes of all values; -1 when a string is too long
 */
function copyStrings(vector: Uint32Array, offsets: Int32Array, values: DataView, start: number): number {
  const rows = offsets.length - 1
  let at = start
  for (let row = 0, word = 0; row < rows; row++, word += WORDS) {
    const length = vector[word]!
    if (length > MAX_INLINE_BYTES) return -1
    offsets[row] = at - start
    // Copy whole words, several times as fast as bytes. The next string overwrites the excess.
    values.setUint32(at, vector[word + 1]!, true)
    if (length > 4) {
      values.setUint32(at + 4, vector[word + 2]!, true)
      values.setUint32(at + 8, vector[word + 3]!, true)
    }
    at += length
  }
  offsets[rows] = at - start
  return at - start
}
