import { c, DuckDbError, destroy } from '../c-api.ts'
import { abortTransaction } from '../database.ts'
import type { Address } from '../library.ts'
import { StreamingResult } from '../streaming-result.ts'
import { ExtractedStatements } from './extracted-statements.ts'
import { dropPivotTypes } from './pivot-types.ts'

/*
 * DuckDB expands some single statements into several: a PIVOT without a value list (a CREATE TEMP TYPE for each pivoted
 * column, then the statement, see `pivot-types.ts`), and an added column whose default is no constant (ALTER, UPDATE, ALTER).
 * DuckDB wraps an expansion that is not a query in BEGIN and COMMIT or, within a transaction, in settings that are not needed
 * here.
 * Source: https://github.com/duckdb/duckdb/blob/main/src/planner/statement_preprocessor.cpp.
 */

/** Numbers of `duckdb_statement_type`. */
const [CREATE, ALTER, TRANSACTION, SET] = [7, 9, 10, 20]
/** Most characters that are parsed to find out whether a text is one statement: DuckDB checks no interrupt while it parses. */
const MAX_PARSED_CHARACTERS = 2 << 20

const expandable = /pivot|alter/i

/** An expanded statement: the part that describes it, and the parts to run after that one. */
export interface ExpandedStatement {
  readonly handle: Address
  /** Indices of the other parts. Each is prepared when the parts before it have run. */
  readonly next: readonly number[]
}

/** Whether DuckDB may expand this text into several statements. They must run in one transaction. */
export function mayBeExpanded(connection: Address, sql: string): boolean {
  return expandable.test(sql) && countStatements(connection, sql) > 1
}

/**
 * Prepares a text that DuckDB has split into several statements, if it is one statement expanded. For a PIVOT this creates
 * the types, which works in a read-only transaction too; `dropPivotTypes` drops them.
 * @throws DuckDbError, also for a text of several statements
 */
export function prepareExpanded(connection: Address, sql: string, statements: ExtractedStatements): ExpandedStatement {
  const { count } = statements
  if (!expandable.test(sql) || holdsSeveral(connection, sql)) throw severalError(count)
  try {
    // Each part can be prepared only once.
    let index = 0
    let prepared = statements.prepare(index++)
    const isWrapped = [TRANSACTION, SET].includes(c.statementType(prepared))
    const endIndex = isWrapped ? count - 1 : count
    if (isWrapped) {
      destroy(c.destroyPrepare, prepared)
      prepared = statements.prepare(index++)
    }
    if (c.statementType(prepared) === ALTER)
      return { handle: prepared, next: Array.from({ length: endIndex - index }, (_, i) => index + i) }
    while (index < endIndex) {
      createType(prepared, count)
      prepared = statements.prepare(index++)
    }
    return { handle: prepared, next: [] }
  } catch (error) {
    dropPivotTypes(connection)
    throw error
  }
}

/**
 * Runs the parts that follow the one that describes an expanded statement. When a part fails, the transaction is aborted.
 * @throws DuckDbError
 */
export function executeNext(
  connection: Address,
  statements: ExtractedStatements,
  next: readonly number[],
  first: StreamingResult,
  chunks: Int32Array | undefined,
): StreamingResult {
  let result = first
  for (const i of next) {
    result.close()
    try {
      const prepared = statements.prepare(i)
      try {
        result = new StreamingResult(prepared, true, chunks)
      } finally {
        destroy(c.destroyPrepare, prepared)
      }
    } catch (error) {
      abortTransaction(connection)
      throw error
    }
  }
  return result
}

function severalError(count: number): DuckDbError {
  return new DuckDbError(`Parser Error: send one statement at a time, not ${count}`)
}

/**
 * Whether a semicolon separates two statements of the text. DuckDB decides: it parses the text before such a semicolon and
 * the text after it, and fails when a closing parenthesis replaces the semicolon. In a literal or a comment it does not fail.
 */
function holdsSeveral(connection: Address, sql: string): boolean {
  let charactersLeft = MAX_PARSED_CHARACTERS
  const parses = (text: string) => countStatements(connection, text) > 0
  for (let index = sql.indexOf(';'); index >= 0; index = sql.indexOf(';', index + 1)) {
    const [before, after] = [sql.slice(0, index), sql.slice(index + 1)]
    if (after.trim() === '') return false
    charactersLeft -= sql.length
    if (charactersLeft < 0)
      throw new DuckDbError('Parser Error: send one statement at a time, and this one with fewer semicolons')
    if (parses(after) && parses(before) && !parses(`${before})${after}`)) return true
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

function createType(prepared: Address, count: number): void {
  try {
    if (c.statementType(prepared) !== CREATE) throw severalError(count)
    new StreamingResult(prepared, true).close()
  } finally {
    destroy(c.destroyPrepare, prepared)
  }
}
