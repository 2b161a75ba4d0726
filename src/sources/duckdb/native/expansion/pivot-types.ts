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
const isPivotType = /^__pivot_enum_[0-9a-f-]{36}$/
/** Names the functions in full: a macro of a client's with such a name must not replace them. */
const typeNames = `SELECT type_name FROM system.main.duckdb_types() WHERE database_name = 'temp'
  AND system.main.regexp_full_match(type_name, '__pivot_enum_[0-9a-f-]{36}')`

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
      for (let row = 0; row < chunkSize(chunk); row++) names.push(readName(strings + STRING_BYTES * row))
      destroyChunk(chunk)
    }
    return names.filter((name) => isPivotType.test(name))
  } finally {
    result.close()
    destroy(c.destroyPrepare, prepared)
  }
}

/** Reads a name. A string longer than 12 bytes is not inlined: its address follows 4 bytes of length and 4 bytes of prefix. */
function readName(at: Address): string {
  const length = new Uint32Array(1)
  memcpy(addressOf(length), at, length.byteLength)
  if (length[0] !== NAME_BYTES) return ''
  const bytes = new Uint8Array(NAME_BYTES)
  memcpy(addressOf(bytes), readWord(at + 8), NAME_BYTES)
  return String.fromCharCode(...bytes)
}
