import koffi from 'koffi'
import { type Address, addressOf, libduckdb, readCString } from './native.ts'

/*
 * The part of DuckDB's C API that is used here. Handles are plain addresses, so that threads can share them.
 * Source: https://duckdb.org/docs/stable/clients/c/api.
 */

/** What DuckDB said; `errors.ts` turns it into a GatewayError. */
export class DuckDbError extends Error {
  override readonly name = 'DuckDbError'
}

const STATE_ERROR = 1

const c = {
  createConfig: libduckdb.func('int duckdb_create_config(uintptr_t)'),
  setConfig: libduckdb.func('int duckdb_set_config(uintptr_t, const char*, const char*)'),
  destroyConfig: libduckdb.func('void duckdb_destroy_config(uintptr_t)'),
  open: libduckdb.func('int duckdb_open_ext(const char*, uintptr_t, uintptr_t, uintptr_t)'),
  close: libduckdb.func('void duckdb_close(uintptr_t)'),
  connect: libduckdb.func('int duckdb_connect(uintptr_t, uintptr_t)'),
  disconnect: libduckdb.func('void duckdb_disconnect(uintptr_t)'),
  interrupt: libduckdb.func('void duckdb_interrupt(uintptr_t)'),
  free: libduckdb.func('void duckdb_free(uintptr_t)'),
  query: libduckdb.func('int duckdb_query(uintptr_t, const char*, uintptr_t)'),
  extractStatements: libduckdb.func('uint64_t duckdb_extract_statements(uintptr_t, const char*, uintptr_t)'),
  extractError: libduckdb.func('const char* duckdb_extract_statements_error(uintptr_t)'),
  prepareExtracted: libduckdb.func('int duckdb_prepare_extracted_statement(uintptr_t, uintptr_t, uint64_t, uintptr_t)'),
  destroyExtracted: libduckdb.func('void duckdb_destroy_extracted(uintptr_t)'),
  prepareError: libduckdb.func('const char* duckdb_prepare_error(uintptr_t)'),
  destroyPrepare: libduckdb.func('void duckdb_destroy_prepare(uintptr_t)'),
  statementType: libduckdb.func('int duckdb_prepared_statement_type(uintptr_t)'),
  parameterCount: libduckdb.func('uint64_t duckdb_nparams(uintptr_t)'),
  columnCount: libduckdb.func('uint64_t duckdb_prepared_statement_column_count(uintptr_t)'),
  columnName: libduckdb.func('uintptr_t duckdb_prepared_statement_column_name(uintptr_t, uint64_t)'),
  columnType: libduckdb.func('uintptr_t duckdb_prepared_statement_column_logical_type(uintptr_t, uint64_t)'),
  destroyType: libduckdb.func('void duckdb_destroy_logical_type(uintptr_t)'),
  arrowOptions: libduckdb.func('void duckdb_connection_get_arrow_options(uintptr_t, uintptr_t)'),
  destroyArrowOptions: libduckdb.func('void duckdb_destroy_arrow_options(uintptr_t)'),
  toArrowSchema: libduckdb.func(
    'uintptr_t duckdb_to_arrow_schema(uintptr_t, uintptr_t, uintptr_t, uint64_t, uintptr_t)',
  ),
  chunkToArrow: libduckdb.func('uintptr_t duckdb_data_chunk_to_arrow(uintptr_t, uintptr_t, uintptr_t)'),
  errorMessage: libduckdb.func('const char* duckdb_error_data_message(uintptr_t)'),
  destroyError: libduckdb.func('void duckdb_destroy_error_data(uintptr_t)'),
  executeStreaming: libduckdb.func('int duckdb_execute_prepared_streaming(uintptr_t, uintptr_t)'),
  resultError: libduckdb.func('const char* duckdb_result_error(uintptr_t)'),
  destroyResult: libduckdb.func('void duckdb_destroy_result(uintptr_t)'),
  destroyChunk: libduckdb.func('void duckdb_destroy_data_chunk(uintptr_t)'),
  chunkSize: libduckdb.func('uint64_t duckdb_data_chunk_get_size(uintptr_t)'),
  chunkVector: libduckdb.func('uintptr_t duckdb_data_chunk_get_vector(uintptr_t, uint64_t)'),
  vectorData: libduckdb.func('uintptr_t duckdb_vector_get_data(uintptr_t)'),
  vectorValidity: libduckdb.func('uintptr_t duckdb_vector_get_validity(uintptr_t)'),
}

/** One word of memory for an out-parameter, or for a handle that DuckDB wants by address. */
class Cell {
  readonly #word = new BigUint64Array(1)
  readonly address: Address = addressOf(this.#word)

  get value(): Address {
    return Number(this.#word[0])
  }

  set value(value: Address) {
    this.#word[0] = BigInt(value)
  }
}

const destroyed = new Cell()

/** Destroys a handle through one of DuckDB's `destroy(handle*)` functions. */
function destroy(call: (cell: Address) => void, handle: Address): void {
  if (handle === 0) return
  destroyed.value = handle
  call(destroyed.address)
}

/** Throws what an error-data handle says; it is destroyed. */
function checkErrorData(error: Address): void {
  if (error === 0) return
  const text = c.errorMessage(error) as string | null
  destroy(c.destroyError, error)
  if (text) throw new DuckDbError(plainMessage(text))
}

/** Error data may hold its message as JSON; results hold the same as `Kind Error: text`. */
function plainMessage(text: string): string {
  if (!text.startsWith('{')) return text
  try {
    const { exception_type: kind, exception_message: message } = JSON.parse(text)
    return `${kind} Error: ${message}`
  } catch {
    return text
  }
}

/** Opens a database. @throws DuckDbError */
export function openDatabase(path: string, settings: Readonly<Record<string, string>>): Address {
  const config = new Cell()
  c.createConfig(config.address)
  try {
    for (const [name, value] of Object.entries(settings))
      if (c.setConfig(config.value, name, value) === STATE_ERROR)
        throw new DuckDbError(`Invalid Input Error: the setting ${name} cannot be ${value}`)
    const database = new Cell()
    const error = new Cell()
    if (c.open(path, database.address, config.value, error.address) === STATE_ERROR) {
      const text = readCString(error.value)
      if (error.value !== 0) c.free(error.value)
      throw new DuckDbError(text || 'the database cannot be opened')
    }
    return database.value
  } finally {
    destroy(c.destroyConfig, config.value)
  }
}

export function closeDatabase(database: Address): void {
  destroy(c.close, database)
}

/** Opens a connection; one statement runs on it at a time. @throws DuckDbError */
export function connect(database: Address): Address {
  const connection = new Cell()
  if (c.connect(database, connection.address) === STATE_ERROR) throw new DuckDbError('no further connection')
  return connection.value
}

export function disconnect(connection: Address): void {
  destroy(c.disconnect, connection)
}

/** Stops what runs on a connection, from any thread; nothing happens when nothing does. */
export function interrupt(connection: Address): void {
  c.interrupt(connection)
}

const RESULT_BYTES = 48
const SCHEMA_BYTES = 72

/** Runs statements whose result is not looked at; blocks. @throws DuckDbError */
export function execute(connection: Address, sql: string): void {
  const result = new Uint8Array(RESULT_BYTES)
  const at = addressOf(result)
  try {
    if (c.query(connection, sql, at) === STATE_ERROR) throw new DuckDbError(c.resultError(at) ?? 'the statement failed')
  } finally {
    c.destroyResult(at)
  }
}

/** The only statement of a text, prepared. */
export class PreparedStatement {
  readonly handle: Address
  readonly #connection: Address

  /** @throws DuckDbError, also when the text holds no or several statements */
  constructor(connection: Address, sql: string) {
    this.#connection = connection
    const extracted = new Cell()
    const prepared = new Cell()
    try {
      const count = Number(c.extractStatements(connection, sql, extracted.address))
      if (count === 0)
        throw new DuckDbError(c.extractError(extracted.value) || 'Parser Error: the text holds no statement')
      if (count > 1) throw new DuckDbError(`Parser Error: send one statement at a time, not ${count}`)
      if (c.prepareExtracted(connection, extracted.value, 0, prepared.address) === STATE_ERROR) {
        const text = c.prepareError(prepared.value) as string | null
        destroy(c.destroyPrepare, prepared.value)
        throw new DuckDbError(text ?? 'the statement cannot be prepared')
      }
      this.handle = prepared.value
    } finally {
      destroy(c.destroyExtracted, extracted.value)
    }
  }

  /** Kind of the statement: a number of `statement-kind.ts`. */
  get type(): number {
    return c.statementType(this.handle)
  }

  get parameterCount(): number {
    return Number(c.parameterCount(this.handle))
  }

  /** Reads the result's schema, without running, with `read` from the address of an ArrowSchema. */
  schema<T>(read: (at: Address) => T, releaseAt: (at: Address) => void): T {
    const count = Number(c.columnCount(this.handle))
    const types = new BigUint64Array(count)
    const names = new BigUint64Array(count)
    const options = new Cell()
    const schema = new Uint8Array(SCHEMA_BYTES)
    const at = addressOf(schema)
    try {
      for (let i = 0; i < count; i++) {
        types[i] = BigInt(c.columnType(this.handle, i))
        names[i] = BigInt(c.columnName(this.handle, i))
      }
      c.arrowOptions(this.#connection, options.address)
      checkErrorData(c.toArrowSchema(options.value, addressOf(types), addressOf(names), count, at))
      try {
        return read(at)
      } finally {
        releaseAt(at)
      }
    } finally {
      for (let i = 0; i < count; i++) {
        destroy(c.destroyType, Number(types[i]))
        if (names[i] !== 0n) c.free(Number(names[i]))
      }
      destroy(c.destroyArrowOptions, options.value)
    }
  }

  /** Runs the statement; blocks until the first rows are there. @throws DuckDbError */
  execute(): StreamingResult {
    return new StreamingResult(this.#connection, this.handle)
  }

  close(): void {
    destroy(c.destroyPrepare, this.handle)
  }
}

koffi.struct('duckdb_result', {
  columnCount: 'uint64_t',
  rowCount: 'uint64_t',
  rowsChanged: 'uint64_t',
  columns: 'uint64_t',
  errorMessage: 'uint64_t',
  internal: 'uint64_t',
})
const fetchChunk: (result: object) => Address = libduckdb.func('uintptr_t duckdb_fetch_chunk(duckdb_result)')

/** A result, fetched chunk by chunk (at most 2048 rows each). Every call blocks. */
export class StreamingResult {
  readonly #words = new BigUint64Array(RESULT_BYTES / 8)
  readonly #at = addressOf(this.#words)
  readonly #options = new Cell()
  readonly #byValue: object

  constructor(connection: Address, prepared: Address) {
    if (c.executeStreaming(prepared, this.#at) === STATE_ERROR) {
      const error = new DuckDbError(c.resultError(this.#at) ?? 'the statement failed')
      c.destroyResult(this.#at)
      throw error
    }
    const [columnCount, rowCount, rowsChanged, columns, errorMessage, internal] = this.#words
    this.#byValue = { columnCount, rowCount, rowsChanged, columns, errorMessage, internal }
    c.arrowOptions(connection, this.#options.address)
  }

  /** The next chunk's handle, 0 at the end. @throws DuckDbError */
  fetch(): Address {
    const chunk = fetchChunk(this.#byValue)
    if (chunk !== 0) return chunk
    const error = c.resultError(this.#at) as string | null
    if (error) throw new DuckDbError(error)
    return 0
  }

  /** Turns a chunk into an ArrowArray at `slot`, which lives on its own. @throws DuckDbError */
  toArrow(chunk: Address, slot: Address): void {
    checkErrorData(c.chunkToArrow(this.#options.value, chunk, slot))
  }

  close(): void {
    destroy(c.destroyArrowOptions, this.#options.value)
    c.destroyResult(this.#at)
  }
}

export const chunkSize: (chunk: Address) => number = c.chunkSize
export const chunkVector: (chunk: Address, column: number) => Address = c.chunkVector
export const vectorData: (vector: Address) => Address = c.vectorData
/** The validity mask, 0 when no row is null. */
export const vectorValidity: (vector: Address) => Address = c.vectorValidity

/** Frees a chunk. */
export function destroyChunk(chunk: Address): void {
  destroy(c.destroyChunk, chunk)
}
