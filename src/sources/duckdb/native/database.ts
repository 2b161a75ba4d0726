import koffi from 'koffi'
import { Cell, c, DuckDbError, destroy, RESULT_BYTES, STATE_ERROR } from './c-api.ts'
import { type Address, addressOf, libduckdb, readCString } from './library.ts'

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

/** Opens a connection, which runs one statement at a time. @throws DuckDbError */
export function connect(database: Address): Address {
  const connection = new Cell()
  if (c.connect(database, connection.address) === STATE_ERROR) throw new DuckDbError('no further connection')
  return connection.value
}

export function disconnect(connection: Address): void {
  destroy(c.disconnect, connection)
}

/** Interrupts the statement that runs on a connection, if any. Any thread may call this. */
export function interrupt(connection: Address): void {
  c.interrupt(connection)
}

/** Owned by the module, since native code writes to it, and optimized code would drop a local variable meanwhile. */
const scratchResult = new Uint8Array(RESULT_BYTES)

/** Executes statements and ignores their results; blocks. @throws DuckDbError */
export function execute(connection: Address, sql: string): void {
  const at = addressOf(scratchResult)
  scratchResult.fill(0)
  try {
    if (c.query(connection, sql, at) === STATE_ERROR) throw new DuckDbError(c.resultError(at) ?? 'the statement failed')
  } finally {
    c.destroyResult(at)
  }
}

/**
 * Makes the open transaction fail, as most of DuckDB's own errors do: it then accepts nothing but its end. DuckDB has no
 * savepoints, so this is how a half-finished change is kept from being committed.
 */
export function abortTransaction(connection: Address): void {
  try {
    execute(connection, "SELECT error('undone')")
  } catch {
    // This error is intended.
  }
}

koffi.struct('duckdb_query_progress_type', { percentage: 'double', rows: 'uint64_t', totalRows: 'uint64_t' })
const queryProgress: (connection: Address) => { readonly percentage: number } = libduckdb.func(
  'duckdb_query_progress_type duckdb_query_progress(uintptr_t)',
)

/** The progress of the running statement, from 0 to 1; undefined when DuckDB cannot tell. Any thread may call this. */
export function progressOf(connection: Address): number | undefined {
  const { percentage } = queryProgress(connection)
  return percentage < 0 ? undefined : Math.min(1, percentage / 100)
}
