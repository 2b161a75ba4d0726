import { c, destroy } from '../c-api.ts'
import { execute } from '../database.ts'
import { type Address, addressOf, memcpy, readWord } from '../library.ts'
import { chunkSize, chunkVector, destroyChunk, StreamingResult, vectorData } from '../streaming-result.ts'
import { ExtractedStatements } from './extracted-statements.ts'

/*
 * A PIVOT without a value list needs an enum type for each pivoted column, made of the column's present values. DuckDB
 * creates it by a CREATE TEMP TYPE before the statement, and never drops it.
 * Source: https://github.com/duckdb/duckdb/blob/main/src/parser/transform/statement/transform_pivot_stmt.cpp.
 */

/** Size of a `duckdb_string_t`. */
const STRING_BYTES = 16
/** Length of a type's name: a prefix and a UUID. */
const NAME_BYTES = '__pivot_enum_'.length + 36
const typeNames =
  "SELECT type_name FROM duckdb_types() WHERE database_name = 'temp' AND regexp_full_match(type_name, '__pivot_enum_[0-9a-f-]{36}')"

/** Drops the types that PIVOTs have left on a connection. In a failed transaction they go with its rollback. */
export function dropPivotTypes(connection: Address): void {
  try {
    for (const name of pivotTypes(connection)) execute(connection, `DROP TYPE temp.main."${name}"`)
  } catch {
    // The transaction has failed; its rollback drops the types.
  }
}

/** The names of these types. */
function pivotTypes(connection: Address): string[] {
  const statements = new ExtractedStatements(connection, typeNames)
  const prepared = statements.prepare(0)
  statements.close()
  const result = new StreamingResult(prepared, true)
  const names: string[] = []
  try {
    for (let chunk = result.fetch(); chunk !== 0; chunk = result.fetch()) {
      const strings = vectorData(chunkVector(chunk, 0))
      for (let row = 0; row < chunkSize(chunk); row++) names.push(readLongString(strings + STRING_BYTES * row))
      destroyChunk(chunk)
    }
    return names
  } finally {
    result.close()
    destroy(c.destroyPrepare, prepared)
  }
}

/** Reads a name, which is too long to be inlined: its address follows 4 bytes of length and 4 bytes of prefix. */
function readLongString(at: Address): string {
  const bytes = new Uint8Array(NAME_BYTES)
  memcpy(addressOf(bytes), readWord(at + 8), NAME_BYTES)
  return String.fromCharCode(...bytes)
}
