import koffi from 'koffi'
import type { Field } from '../../../arrow/schema.ts'
import { arrowSchema } from './arrow-schema-reader.ts'
import { c, checkErrorData, DuckDbError, destroy, RESULT_BYTES, STATE_ERROR } from './c-api.ts'
import { type Address, addressOf, libduckdb, readWord } from './library.ts'

// koffi passes this struct by value with each fetch. It copies one typed array at once, but would convert six members one by
// one.
koffi.struct('duckdb_result', { words: koffi.array('uint64_t', RESULT_BYTES / 8, 'Typed') })
const fetchChunk: (result: { readonly words: BigUint64Array }) => Address = libduckdb.func(
  'uintptr_t duckdb_fetch_chunk(duckdb_result)',
)

const returnType: (result: { readonly words: BigUint64Array }) => number = libduckdb.func(
  'int duckdb_result_return_type(duckdb_result)',
)
/** DUCKDB_RESULT_TYPE_CHANGED_ROWS of `duckdb_result_type`. */
const CHANGED_ROWS = 1
/** DUCKDB_RESULT_TYPE_NOTHING. CREATE TABLE ... AS has it too, and returns a row with the number of rows that it stored. */
const NOTHING = 2
/** DUCKDB_TYPE_BIGINT of `duckdb_type`. */
const BIGINT = 5

/** A result, fetched chunk by chunk (at most 2048 rows each). Every call blocks. */
export class StreamingResult {
  readonly #result = { words: new BigUint64Array(RESULT_BYTES / 8) }
  readonly #at = addressOf(this.#result.words)
  /** The options by which this result is converted to Arrow, fixed even if the connection's settings change. */
  readonly #options: Address
  readonly #chunks: Int32Array
  /** Whether the result, if it has a row, tells how many rows a new table has. */
  readonly #tellsStoredRows: boolean
  #storedRows = 0
  #schema: Field | undefined

  constructor(prepared: Address, materialized: boolean, chunks: Int32Array = new Int32Array(1)) {
    this.#chunks = chunks
    const execute = materialized ? c.execute : c.executeStreaming
    if (execute(prepared, this.#at) === STATE_ERROR) {
      const error = new DuckDbError(c.resultError(this.#at) ?? 'the statement failed')
      c.destroyResult(this.#at)
      throw error
    }
    this.#options = c.resultArrowOptions(this.#at)
    this.#tellsStoredRows = materialized && returnType(this.#result) === NOTHING && this.columnTypes()[0] === BIGINT
  }

  /** Whether the result is a single row with the number of changed rows. */
  get isCount(): boolean {
    return returnType(this.#result) === CHANGED_ROWS
  }

  /** Whether the rows of the result are the statement's own, as those of a query or of RETURNING. */
  get hasRows(): boolean {
    const type = returnType(this.#result)
    return type !== CHANGED_ROWS && type !== NOTHING
  }

  /**
   * Rows that the statement changed, or stored in a new table once its result has been fetched; 0 for a statement that returns
   * rows. Only a materialized result knows it.
   */
  get rowsChanged(): number {
    return Number(c.rowsChanged(this.#at)) + this.#storedRows
  }

  /** The result's actual schema, the only one by which its memory may be read. @throws DuckDbError */
  schema(): Field {
    this.#schema ??= arrowSchema(this.#options, Number(c.resultColumnCount(this.#at)), (i) => ({
      type: c.resultColumnType(this.#at, i),
      name: c.resultColumnName(this.#at, i),
      ownsName: false,
    }))
    return this.#schema
  }

  /** The DuckDB types of the columns, as numbers of `duckdb_type`. */
  columnTypes(): number[] {
    return Array.from({ length: Number(c.resultColumnCount(this.#at)) }, (_, i) => {
      const type: Address = c.resultColumnType(this.#at, i)
      try {
        return c.typeId(type) as number
      } finally {
        destroy(c.destroyType, type)
      }
    })
  }

  /** The next chunk's handle, 0 at the end. @throws DuckDbError */
  fetch(): Address {
    const chunk = fetchChunk(this.#result)
    this.#chunks[0]!++
    if (chunk !== 0) {
      if (this.#tellsStoredRows) this.#storedRows += readWord(vectorData(chunkVector(chunk, 0)))
      return chunk
    }
    const error = c.resultError(this.#at) as string | null
    if (error) throw new DuckDbError(error)
    return 0
  }

  /** An empty chunk for some columns of the result, to be filled by reference. The caller destroys it. */
  createChunk(columns: readonly number[]): Address {
    const types = BigUint64Array.from(columns, (i) => BigInt(c.resultColumnType(this.#at, i)))
    try {
      return c.createChunk(addressOf(types), columns.length)
    } finally {
      // Reading the array after the call keeps it reachable during the call.
      for (const type of types) destroy(c.destroyType, Number(type))
    }
  }

  /** Converts a chunk to an ArrowArray at `slot`, which the chunk need not outlive. @throws DuckDbError */
  toArrow(chunk: Address, slot: Address): void {
    checkErrorData(c.chunkToArrow(this.#options, chunk, slot))
  }

  close(): void {
    destroy(c.destroyArrowOptions, this.#options)
    c.destroyResult(this.#at)
  }
}

export const chunkSize: (chunk: Address) => number = c.chunkSize
export const chunkVector: (chunk: Address, column: number) => Address = c.chunkVector
export const vectorData: (vector: Address) => Address = c.vectorData
/** The validity bitmap; 0 when no row is null. */
export const vectorValidity: (vector: Address) => Address = c.vectorValidity

/** Frees a chunk. */
export function destroyChunk(chunk: Address): void {
  destroy(c.destroyChunk, chunk)
}
