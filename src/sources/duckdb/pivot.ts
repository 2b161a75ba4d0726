import { c, DuckDbError, destroy } from './c-functions.ts'
import { execute } from './database.ts'
import { ExtractedStatements } from './extracted-statements.ts'
import { type Address, addressOf, memcpy, readWord } from './native.ts'
import { chunkSize, chunkVector, destroyChunk, StreamingResult, vectorData } from './streaming-result.ts'

/*
 * A PIVOT that lists no values is several statements to DuckDB: for each pivoted column a CREATE TEMP TYPE, an enum of the
 * values that the column has now, and last the statement itself, which names these types. What is no query stands between
 * BEGIN and COMMIT besides, and in a transaction between settings, which are of no use here. DuckDB never drops the types.
 * Source: https://github.com/duckdb/duckdb/blob/main/src/parser/transform/statement/transform_pivot_stmt.cpp.
 */

/** Numbers of `duckdb_statement_type`. */
const [CREATE, TRANSACTION, SET] = [7, 10, 20]
/** Characters parsed at the most to find out whether a text is one statement: DuckDB looks at no interrupt meanwhile. */
const MAX_PARSED_CHARACTERS = 16 << 20
/** Of a `duckdb_string_t`. */
const STRING_BYTES = 16

const pivot = /pivot/i
/** A prefix and a UUID. */
const NAME_BYTES = '__pivot_enum_'.length + 36
const typeNames =
  "SELECT type_name FROM duckdb_types() WHERE database_name = 'temp' AND regexp_full_match(type_name, '__pivot_enum_[0-9a-f-]{36}')"

/** Whether a text may be a statement that types have to be made for, of the same data as its rows: in one transaction. */
export function needsPivotTypes(connection: Address, sql: string): boolean {
  return pivot.test(sql) && countStatements(connection, sql) > 1
}

/**
 * Prepares a text of which DuckDB made several statements, when it is a single one with a PIVOT, and makes the types that it
 * needs: `dropPivotTypes` takes them back. Runs in a transaction, a read-only one if need be.
 * @throws DuckDbError, also for a text of several statements
 */
export function preparePivot(connection: Address, sql: string, statements: ExtractedStatements): Address {
  const { count } = statements
  if (!pivot.test(sql) || holdsSeveral(connection, sql)) throw severalError(count)
  try {
    // Each can be prepared once only.
    const first = statements.prepare(0)
    const isWrapped = [TRANSACTION, SET].includes(c.statementType(first))
    if (isWrapped) destroy(c.destroyPrepare, first)
    else makeType(first, count)
    const last = isWrapped ? count - 2 : count - 1
    for (let i = 1; i < last; i++) makeType(statements.prepare(i), count)
    return statements.prepare(last)
  } catch (error) {
    dropPivotTypes(connection)
    throw error
  }
}

/** Drops the types that PIVOTs have left on a connection. In a transaction that has failed they end with it. */
export function dropPivotTypes(connection: Address): void {
  try {
    for (const name of pivotTypes(connection)) execute(connection, `DROP TYPE temp.main."${name}"`)
  } catch {
    // The transaction can only be rolled back.
  }
}

function severalError(count: number): DuckDbError {
  return new DuckDbError(`Parser Error: send one statement at a time, not ${count}`)
}

/**
 * Whether a semicolon of the text stands between two statements. DuckDB itself is asked: it understands what is before such
 * a one and what is after it, and nothing with a closing parenthesis in its place, as it does in a literal or a comment.
 */
function holdsSeveral(connection: Address, sql: string): boolean {
  let mayParse = MAX_PARSED_CHARACTERS
  const isText = (text: string) => countStatements(connection, text) > 0
  for (let at = sql.indexOf(';'); at >= 0; at = sql.indexOf(';', at + 1)) {
    const [before, after] = [sql.slice(0, at), sql.slice(at + 1)]
    mayParse -= sql.length
    if (mayParse < 0)
      throw new DuckDbError('Parser Error: a PIVOT without IN list has too many semicolons, or is too long')
    if (isText(after) && isText(before) && !isText(`${before})${after}`)) return true
  }
  return false
}

function countStatements(connection: Address, sql: string): number {
  const statements = new ExtractedStatements(connection, sql)
  try {
    return statements.count
  } finally {
    statements.close()
  }
}

function makeType(prepared: Address, count: number): void {
  try {
    if (c.statementType(prepared) !== CREATE) throw severalError(count)
    new StreamingResult(prepared, true).close()
  } finally {
    destroy(c.destroyPrepare, prepared)
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
