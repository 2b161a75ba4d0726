import { type Address, addressOf, libduckdb } from './library.ts'

/*
 * The functions of DuckDB's C API that this source calls, and helpers for their arguments. Handles are plain addresses, so
 * that threads can share them.
 * Source: https://duckdb.org/docs/stable/clients/c/api.
 */

/** An error reported by DuckDB. `errors.ts` turns it into a GatewayError. */
export class DuckDbError extends Error {
  override readonly name = 'DuckDbError'
}

export const STATE_ERROR = 1

export const c = {
  createConfig: libduckdb.func('int duckdb_create_config(uintptr_t)'),
  setConfig: libduckdb.func('int duckdb_set_config(uintptr_t, const char*, const char*)'),
  destroyConfig: libduckdb.func('void duckdb_destroy_config(uintptr_t)'),
  open: libduckdb.func('int duckdb_open_ext(const char*, uintptr_t, uintptr_t, uintptr_t)'),
  close: libduckdb.func('void duckdb_close(uintptr_t)'),
  connect: libduckdb.func('int duckdb_connect(uintptr_t, uintptr_t)'),
  disconnect: libduckdb.func('void duckdb_disconnect(uintptr_t)'),
  executeTasks: libduckdb.func('void duckdb_execute_tasks(uintptr_t, uint64_t)'),
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
  resultArrowOptions: libduckdb.func('uintptr_t duckdb_result_get_arrow_options(uintptr_t)'),
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
  schemaFromArrow: libduckdb.func('uintptr_t duckdb_schema_from_arrow(uintptr_t, uintptr_t, uintptr_t)'),
  destroyConvertedSchema: libduckdb.func('void duckdb_destroy_arrow_converted_schema(uintptr_t)'),
  chunkFromArrow: libduckdb.func('uintptr_t duckdb_data_chunk_from_arrow(uintptr_t, uintptr_t, uintptr_t, uintptr_t)'),
  createAppender: libduckdb.func(
    'int duckdb_appender_create_ext(uintptr_t, const char*, const char*, const char*, uintptr_t)',
  ),
  createQueryAppender: libduckdb.func(
    'int duckdb_appender_create_query(uintptr_t, const char*, uint64_t, uintptr_t, const char*, uintptr_t, uintptr_t)',
  ),
  appenderColumnType: libduckdb.func('uintptr_t duckdb_appender_column_type(uintptr_t, uint64_t)'),
  clearAppender: libduckdb.func('int duckdb_appender_clear(uintptr_t)'),
  addAppenderColumn: libduckdb.func('int duckdb_appender_add_column(uintptr_t, const char*)'),
  appendChunk: libduckdb.func('int duckdb_append_data_chunk(uintptr_t, uintptr_t)'),
  closeAppender: libduckdb.func('int duckdb_appender_close(uintptr_t)'),
  appenderError: libduckdb.func('uintptr_t duckdb_appender_error_data(uintptr_t)'),
  destroyAppender: libduckdb.func('int duckdb_appender_destroy(uintptr_t)'),
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
  createChunk: libduckdb.func('uintptr_t duckdb_create_data_chunk(uintptr_t, uint64_t)'),
  resetChunk: libduckdb.func('void duckdb_data_chunk_reset(uintptr_t)'),
  setChunkSize: libduckdb.func('void duckdb_data_chunk_set_size(uintptr_t, uint64_t)'),
  referenceVector: libduckdb.func('void duckdb_vector_reference_vector(uintptr_t, uintptr_t)'),
  chunkSize: libduckdb.func('uint64_t duckdb_data_chunk_get_size(uintptr_t)'),
  chunkVector: libduckdb.func('uintptr_t duckdb_data_chunk_get_vector(uintptr_t, uint64_t)'),
  vectorData: libduckdb.func('uintptr_t duckdb_vector_get_data(uintptr_t)'),
  vectorValidity: libduckdb.func('uintptr_t duckdb_vector_get_validity(uintptr_t)'),
}

const HALF = 2 ** 32

/** One 8-byte word of memory: an out-parameter, or a handle that DuckDB takes by address. */
export class Cell {
  /** Two 32-bit halves, the lower first: a BigInt would be allocated for each destroyed chunk. */
  readonly #halves = new Uint32Array(2)
  readonly address: Address = addressOf(this.#halves)

  get value(): Address {
    return this.#halves[1]! * HALF + this.#halves[0]!
  }

  set value(value: Address) {
    this.#halves[0] = value % HALF
    this.#halves[1] = value / HALF
  }
}

const destroyed = new Cell()

/** Destroys a handle through one of DuckDB's `destroy(handle*)` functions. */
export function destroy(call: (cell: Address) => void, handle: Address): void {
  if (handle === 0) return
  destroyed.value = handle
  call(destroyed.address)
}

/** Throws the error of an error-data handle, and destroys the handle. */
export function checkErrorData(error: Address): void {
  if (error === 0) return
  const text = c.errorMessage(error) as string | null
  destroy(c.destroyError, error)
  if (text) throw new DuckDbError(plainMessage(text))
}

/** Converts a message that error data holds as JSON to the form of results, `Kind Error: text`. */
function plainMessage(text: string): string {
  if (!text.startsWith('{')) return text
  try {
    const { exception_type: kind, exception_message: message } = JSON.parse(text)
    return `${kind} Error: ${message}`
  } catch {
    return text
  }
}

/** Bytes of a `duckdb_result`. */
export const RESULT_BYTES = 48
