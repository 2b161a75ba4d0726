import type { Field } from '../../../arrow/schema.ts'
import { arrowSchema, type NamedType } from './arrow-schema-reader.ts'
import { Cell, c, DuckDbError, destroy } from './c-api.ts'
import { executeNext, prepareExpanded } from './expansion/expanded-statement.ts'
import { ExtractedStatements } from './expansion/extracted-statements.ts'
import { dropPivotTypes } from './expansion/pivot-types.ts'
import type { Address } from './library.ts'
import { StreamingResult } from './streaming-result.ts'

const TYPE_VARCHAR = 17
/** INVALID, SQLNULL and ANY of `duckdb_type`: the type of a parameter that DuckDB cannot infer. */
const unresolvedTypes = new Set([0, 34, 36])

/**
 * A prepared statement, the only one of its text. A statement that DuckDB expands, see `mayBeExpanded`, must be prepared and
 * run in one transaction.
 */
export class PreparedStatement {
  readonly handle: Address
  readonly #connection: Address
  readonly #statements: ExtractedStatements
  /** Whether DuckDB expanded the statement into several. */
  readonly #isExpanded: boolean
  /** The parts to run after the prepared one. */
  readonly #next: readonly number[]

  /** @throws DuckDbError, also when the text holds no or several statements */
  constructor(connection: Address, sql: string) {
    this.#connection = connection
    this.#statements = new ExtractedStatements(connection, sql)
    try {
      const { count } = this.#statements
      if (count === 0) throw new DuckDbError(this.#statements.error || 'Parser Error: the text holds no statement')
      this.#isExpanded = count > 1
      const { handle, next } = this.#isExpanded
        ? prepareExpanded(connection, sql, this.#statements)
        : { handle: this.#statements.prepare(0), next: [] }
      this.handle = handle
      this.#next = next
    } catch (error) {
      this.#statements.close()
      throw error
    }
    // Most texts hold one statement, so the extracted text is no longer needed.
    if (this.#next.length === 0) this.#statements.close()
  }

  /** The statement's type: a number of `statement-kind.ts`. */
  get type(): number {
    return c.statementType(this.handle)
  }

  get parameterCount(): number {
    return Number(c.parameterCount(this.handle))
  }

  /**
   * The schema that a result would have now, without running the statement. When the catalog has changed, DuckDB binds the
   * statement anew at execution, so a result's memory must never be read by this schema.
   * @throws DuckDbError when the schema depends on parameters
   */
  schema(): Field {
    const count = Number(c.columnCount(this.handle))
    return this.#arrowSchema(count, (i) => ({
      type: c.columnType(this.handle, i),
      name: c.columnName(this.handle, i),
      ownsName: true,
    }))
  }

  /** The parameters' names (or numbers) and types; VARCHAR where DuckDB cannot infer the type. */
  parameterSchema(): Field {
    return this.#arrowSchema(this.parameterCount, (i) => {
      const known = c.parameterType(this.handle, i + 1)
      const unknown = known === 0 || unresolvedTypes.has(c.typeId(known))
      if (unknown) destroy(c.destroyType, known)
      return {
        type: unknown ? c.createType(TYPE_VARCHAR) : known,
        name: c.parameterName(this.handle, i + 1),
        ownsName: true,
      }
    })
  }

  /** The type of a parameter, counted from 0, as a number of `duckdb_type`; 0 when DuckDB cannot infer it. */
  parameterType(i: number): number {
    const type: Address = c.parameterType(this.handle, i + 1)
    if (type === 0) return 0
    try {
      return c.typeId(type)
    } finally {
      destroy(c.destroyType, type)
    }
  }

  /** Removes the bound values. */
  clearBindings(): void {
    c.clearBindings(this.handle)
  }

  /**
   * Runs the statement. Blocks until the first rows are available; a `materialized` result, which knows how many rows the
   * statement changed, blocks until the last.
   * @param chunks its first word counts fetched chunks
   * @throws DuckDbError
   */
  execute(materialized = false, chunks?: Int32Array): StreamingResult {
    const result = new StreamingResult(this.handle, materialized, chunks)
    return executeNext(this.#connection, this.#statements, this.#next, result, chunks)
  }

  close(): void {
    destroy(c.destroyPrepare, this.handle)
    if (this.#next.length > 0) this.#statements.close()
    else if (this.#isExpanded) dropPivotTypes(this.#connection)
  }

  #arrowSchema(count: number, column: (i: number) => NamedType): Field {
    const options = new Cell()
    c.arrowOptions(this.#connection, options.address)
    try {
      return arrowSchema(options.value, count, column)
    } finally {
      destroy(c.destroyArrowOptions, options.value)
    }
  }
}
