import { c, DuckDbError, destroy } from '../c-api.ts'
import { abortTransaction } from '../database.ts'
import type { Address } from '../library.ts'
import { StreamingResult } from '../streaming-result.ts'
import { ExtractedStatements } from './extracted-statements.ts'
import { dropPivotTypes } from './pivot-types.ts'

/*
 * DuckDB makes several statements of some that are one: of a PIVOT that lists no values (CREATE TEMP TYPE for each column,
 * then the statement, see `pivot-types.ts`), and of an added column whose default is no constant (ALTER, UPDATE, ALTER).
 * What is no query stands between BEGIN and COMMIT besides, and in a transaction between settings that are of no use here.
 * Source: https://github.com/duckdb/duckdb/blob/main/src/planner/statement_preprocessor.cpp.
 */

/** Numbers of `duckdb_statement_type`. */
const [CREATE, ALTER, TRANSACTION, SET] = [7, 9, 10, 20]
/** Characters parsed at the most to find out whether a text is one statement: DuckDB looks at no interrupt meanwhile. */
const MAX_PARSED_CHARACTERS = 16 << 20

const expandable = /pivot|alter/i

/** A statement as DuckDB runs it: the one that describes it, and those that have to be run after it. */
export interface ExpandedStatement {
  readonly handle: Address
  /** Numbers of the others; each is prepared when those before it have run. */
  readonly next: readonly number[]
}

/** Whether a text may be a statement that DuckDB makes several of. They want one transaction. */
export function mayBeExpanded(connection: Address, sql: string): boolean {
  return expandable.test(sql) && countStatements(connection, sql) > 1
}

/**
 * Prepares a text of which DuckDB made several statements, when it is a single one. For a PIVOT the types are made, in a
 * read-only transaction if need be; `dropPivotTypes` takes them back.
 * @throws DuckDbError, also for a text of several statements
 */
export function prepareExpanded(connection: Address, sql: string, statements: ExtractedStatements): ExpandedStatement {
  const { count } = statements
  if (!expandable.test(sql) || holdsSeveral(connection, sql)) throw severalError(count)
  try {
    // Each can be prepared once only.
    let at = 0
    let prepared = statements.prepare(at++)
    const isWrapped = [TRANSACTION, SET].includes(c.statementType(prepared))
    const end = isWrapped ? count - 1 : count
    if (isWrapped) {
      destroy(c.destroyPrepare, prepared)
      prepared = statements.prepare(at++)
    }
    if (c.statementType(prepared) === ALTER)
      return { handle: prepared, next: Array.from({ length: end - at }, (_, i) => at + i) }
    while (at < end) {
      makeType(prepared, count)
      prepared = statements.prepare(at++)
    }
    return { handle: prepared, next: [] }
  } catch (error) {
    dropPivotTypes(connection)
    throw error
  }
}

/** Runs the statements that come after the one that describes an expanded one: all, or none of it. @throws DuckDbError */
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
      throw new DuckDbError('Parser Error: send one statement at a time, and this one with fewer semicolons')
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
