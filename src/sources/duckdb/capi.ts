import koffi from 'koffi'
import type { Field } from '../../arrow/schema.ts'
import { readArrowSchema, releaseArrowSchema } from './arrow-struct.ts'
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
  parameterName: libduckdb.func('uintptr_t duckdb_parameter_name(uintptr_t, uint64_t)'),
  parameterType: libduckdb.func('uintptr_t duckdb_param_logical_type(uintptr_t, uint64_t)'),
  typeId: libduckdb.func('int duckdb_get_type_id(uintptr_t)'),
  createType: libduckdb.func('uintptr_t duckdb_create_logical_type(int)'),
  clearBindings: libduckdb.func('int duckdb_clear_bindings(uintptr_t)'),
  execute: libduckdb.func('int duckdb_execute_prepared(uintptr_t, uintptr_t)'),
  rowsChanged: libduckdb.func('uint64_t duckdb_rows_changed(uintptr_t)'),
  resultColumnCount: libduckdb.func('uint64_t duckdb_column_count(uintptr_t)'),
  resultColumnName: libduckdb.func('uintptr_t duckdb_column_name(uintptr_t, uint64_t)'),
  resultColumnType: libduckdb.func('uintptr_t duckdb_column_logical_type(uintptr_t, uint64_t)'),
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
/*
 * Memory whose address is given to native code must be reachable while that runs. A local variable that is not read again
 * is not enough: optimized code drops it. So these belong to the module, and calls that need their own park them in `parked`.
 */
const scratchResult = new Uint8Array(RESULT_BYTES)
const scratchSchema = new Uint8Array(SCHEMA_BYTES)
let parked: readonly unknown[] = []

/** Runs statements whose result is not looked at; blocks. @throws DuckDbError */
export function execute(connection: Address, sql: string): void {
  const at = addressOf(scratchResult)
  scratchResult.fill(0)
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

  /** Reads the result's schema, without running. @throws DuckDbError when it depends on parameters */
  schema(): Field {
    const count = Number(c.columnCount(this.handle))
    return arrowSchema(this.#connection, count, (i) => ({
      type: c.columnType(this.handle, i),
      name: c.columnName(this.handle, i),
      ownName: true,
    }))
  }

  /** The parameters' types where DuckDB can tell them, else VARCHAR, with their names or numbers. */
  parameterSchema(): Field {
    return arrowSchema(this.#connection, this.parameterCount, (i) => {
      const known = c.parameterType(this.handle, i + 1)
      const unknown = known === 0 || unresolvedTypes.has(c.typeId(known))
      if (unknown) destroy(c.destroyType, known)
      return {
        type: unknown ? c.createType(TYPE_VARCHAR) : known,
        name: c.parameterName(this.handle, i + 1),
        ownName: true,
      }
    })
  }

  /** Forgets the values of the parameters. */
  clearBindings(): void {
    c.clearBindings(this.handle)
  }

  /**
   * Runs the statement; blocks until the first rows are there, or the last when it is `materialized`, which tells how
   * many rows a statement changed. @throws DuckDbError
   */
  execute(materialized = false): StreamingResult {
    return new StreamingResult(this.#connection, this.handle, materialized)
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

const TYPE_VARCHAR = 17
/** INVALID, SQLNULL and ANY of `duckdb_type`: what a parameter has whose type nothing tells. */
const unresolvedTypes = new Set([0, 34, 36])

interface NamedType {
  readonly type: Address
  readonly name: Address
  /** Whether the name must be freed. */
  readonly ownName: boolean
}

/** Names and types of DuckDB as an Arrow schema; the types are destroyed. */
function arrowSchema(connection: Address, count: number, column: (i: number) => NamedType): Field {
  const types = new BigUint64Array(count)
  const names = new BigUint64Array(count)
  const owned: Address[] = []
  const options = new Cell()
  const at = addressOf(scratchSchema)
  scratchSchema.fill(0)
  parked = [types, names, options]
  try {
    for (let i = 0; i < count; i++) {
      const { type, name, ownName } = column(i)
      types[i] = BigInt(type)
      names[i] = BigInt(name)
      if (ownName && name !== 0) owned.push(name)
    }
    c.arrowOptions(connection, options.address)
    checkErrorData(c.toArrowSchema(options.value, addressOf(types), addressOf(names), count, at))
    try {
      return readArrowSchema(at)
    } finally {
      releaseArrowSchema(at)
    }
  } finally {
    for (const type of types) destroy(c.destroyType, Number(type))
    for (const name of owned) c.free(name)
    destroy(c.destroyArrowOptions, options.value)
    if (parked.length > 0) parked = []
  }
}

/** A result, fetched chunk by chunk (at most 2048 rows each). Every call blocks. */
export class StreamingResult {
  readonly #words = new BigUint64Array(RESULT_BYTES / 8)
  readonly #at = addressOf(this.#words)
  readonly #options = new Cell()
  readonly #byValue: object
  readonly #connection: Address

  constructor(connection: Address, prepared: Address, materialized: boolean) {
    this.#connection = connection
    const execute = materialized ? c.execute : c.executeStreaming
    if (execute(prepared, this.#at) === STATE_ERROR) {
      const error = new DuckDbError(c.resultError(this.#at) ?? 'the statement failed')
      c.destroyResult(this.#at)
      throw error
    }
    const [columnCount, rowCount, rowsChanged, columns, errorMessage, internal] = this.#words
    this.#byValue = { columnCount, rowCount, rowsChanged, columns, errorMessage, internal }
    c.arrowOptions(connection, this.#options.address)
  }

  /** Rows that the statement changed; 0 for those that return rows. Only of a materialized result. */
  get rowsChanged(): number {
    return Number(c.rowsChanged(this.#at))
  }

  /** The schema that the result turned out to have. @throws DuckDbError */
  schema(): Field {
    return arrowSchema(this.#connection, Number(c.resultColumnCount(this.#at)), (i) => ({
      type: c.resultColumnType(this.#at, i),
      name: c.resultColumnName(this.#at, i),
      ownName: false,
    }))
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
