import type { ColumnPart } from '../native/arrow-array-reader.ts'
import { type Address, addressOf, memcpy } from '../native/library.ts'
import { vectorData, vectorValidity } from '../native/streaming-result.ts'

/** Bytes up to which DuckDB keeps a text in the vector itself, behind its length. */
const MAX_SHORT_BYTES = 12
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
 * Copies texts (or blobs) of at most 12 bytes out of DuckDB's vectors to offsets and values as Arrow has them: codes, flags
 * and names cost a fifth of what DuckDB's own conversion takes for them. The memory is taken again when all parts have been
 * given back; one object serves one result after the other.
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
  #live = 0

  /** The texts of a vector, until given back; undefined when one of them is longer. */
  read(vector: Address, rows: number): ColumnPart | undefined {
    this.#grow(rows)
    memcpy(this.#vectorAddress, vectorData(vector), 4 * WORDS * rows)
    const validity = vectorValidity(vector)
    if (validity !== 0) this.#clearNulls(validity, rows)
    const offsetBytes = 4 * (rows + 1)
    const { view, address } = this.#room(offsetBytes + MAX_SHORT_BYTES * (rows + 1))
    const start = this.#at
    const length = copyTexts(this.#vector, new Int32Array(view.buffer, start, rows + 1), view, start + offsetBytes)
    if (length < 0) return undefined
    this.#at = (start + offsetBytes + length + 7) & -8
    this.#live++
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

  /** Gives back one part. */
  giveBack(): void {
    if (--this.#live === 0) this.#block = this.#at = 0
  }

  /** Lets go of memory that only a large result needs. */
  trim(): void {
    if (this.#live === 0 && this.#blocks.length > MAX_IDLE_BLOCKS) this.#blocks.length = MAX_IDLE_BLOCKS
  }

  #grow(rows: number): void {
    if (WORDS * rows <= this.#vector.length) return
    this.#vector = new Uint32Array(WORDS * rows)
    this.#vectorAddress = addressOf(this.#vector)
    this.#validity = new Uint32Array(2 * Math.ceil(rows / 64))
    this.#validityAddress = addressOf(this.#validity)
  }

  /** What stands where a row is null may be anything: it becomes an empty text. */
  #clearNulls(validity: Address, rows: number): void {
    memcpy(this.#validityAddress, validity, 8 * Math.ceil(rows / 64))
    for (let row = 0; row < rows; row++)
      if (((this.#validity[row >> 5]! >>> (row & 31)) & 1) === 0) this.#vector[WORDS * row] = 0
  }

  /** A block with so much room at `#at`. */
  #room(bytes: number): Block {
    const block = this.#blocks[this.#block]
    if (block && this.#at + bytes <= block.view.byteLength) return block
    if (block) this.#block++
    this.#at = 0
    const next = this.#blocks[this.#block]
    if (next && bytes <= next.view.byteLength) return next
    const view = new DataView(new ArrayBuffer(Math.max(BLOCK_BYTES, bytes)))
    const made = { view, address: addressOf(view) }
    this.#blocks.splice(this.#block, 0, made)
    return made
  }
}

/** Bytes of all values, or -1 as soon as one is too long. Writes up to 12 bytes beyond the last. */
function copyTexts(vector: Uint32Array, offsets: Int32Array, values: DataView, start: number): number {
  const rows = offsets.length - 1
  let at = start
  for (let row = 0, word = 0; row < rows; row++, word += WORDS) {
    const length = vector[word]!
    if (length > MAX_SHORT_BYTES) return -1
    offsets[row] = at - start
    // Whole words, whose rest the next text covers, are several times as fast as bytes.
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
