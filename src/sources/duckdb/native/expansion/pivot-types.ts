import { c, destroy } from '../c-api.ts'
import { execute } from '../database.ts'
import { type Address, addressOf, memcpy, readWord } from '../library.ts'
import { chunkSize, chunkVector, destroyChunk, StreamingResult, vectorData } from '../streaming-result.ts'
import { ExtractedStatements } from './extracted-statements.ts'

/*
 * A PIVOT that lists no values needs types, an enum for each pivoted column of the values that it has now. DuckDB makes one
 * by a CREATE TEMP TYPE before the statement, and never drops it.
 * Source: https://github.com/duckdb/duckdb/blob/main/src/parser/transform/statement/transform_pivot_stmt.cpp.
 */

/** Of a `duckdb_string_t`. */
const STRING_BYTES = 16
/** A prefix and a UUID. */
const NAME_BYTES = '__pivot_enum_'.length + 36
const typeNames =
  "SELECT type_name FROM duckdb_types() WHERE database_name = 'temp' AND regexp_full_match(type_name, '__pivot_enum_[0-9a-f-]{36}')"

/** Drops the types that PIVOTs have left on a connection. In a transaction that has failed they end with it. */
export function dropPivotTypes(connection: Address): void {
  try {
    for (const name of pivotTypes(connection)) execute(connection, `DROP TYPE temp.main."${name}"`)
  } catch {
    // The transaction can only be rolled back.
  }
}

/** The names of the types. */
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

/** Reads a name. It is too long for the vector itself, which has its address behind four bytes of length and four of text. */
function readLongString(at: Address): string {
  const bytes = new Uint8Array(NAME_BYTES)
  memcpy(addressOf(bytes), readWord(at + 8), NAME_BYTES)
  return String.fromCharCode(...bytes)
}
