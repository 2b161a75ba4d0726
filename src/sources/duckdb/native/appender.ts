import type { Field } from '../../../arrow/schema.ts'
import type { WrittenBatch } from '../bind/batch-writer.ts'
import { importedField, narrowed } from '../bind/imported-column.ts'
import { Arena } from './arena.ts'
import { type WrittenColumn, writeRows } from './arrow-array-writer.ts'
import { writeArrowSchema } from './arrow-schema-writer.ts'
import { Cell, c, checkErrorData, DuckDbError, destroy, STATE_ERROR } from './c-api.ts'
import { type Address, addressOf } from './library.ts'

/** Rows of a DuckDB vector. */
const VECTOR_ROWS = 2048

/** Names a table. */
export interface TableName {
  readonly catalog: string
  readonly schema: string
  readonly table: string
}

/** A statement that reads the appended rows from the table `appended_data`, and the DuckDB types of its columns. */
export interface RowsStatement {
  readonly sql: string
  /** The caller destroys these types. */
  readonly types: readonly Address[]
}

/**
 * Appends record batches to a table, with columns matched by name, or feeds them to a statement. Without `finish` the rows
 * are lost with the surrounding transaction. Every call blocks.
 * Source: https://duckdb.org/docs/stable/clients/c/appender.
 */
export class Appender {
  /** The fields for which the batches must be written. */
  readonly fields: readonly Field[]
  readonly #connection: Address
  readonly #schemaArena = new Arena()
  readonly #appender = new Cell()
  readonly #converted = new Cell()
  readonly #chunk = new Cell()
  /** Fields of the object, so that they outlive the native call that reads them. */
  #batch: WrittenBatch | undefined
  #arena = new Arena()
  #types: BigUint64Array | undefined

  /** @throws DuckDbError */
  constructor(connection: Address, target: TableName | RowsStatement, fields: readonly Field[]) {
    this.#connection = connection
    try {
      if ('sql' in target) this.#openStatement(target)
      else this.#openTable(target, fields)
      this.fields = fields.map((field, i) => narrowed(field, () => this.#columnType(i)))
      const root: Field = { name: '', format: '+s', nullable: false, metadata: [], children: this.fields }
      const address = writeArrowSchema(importedField(root), this.#schemaArena)
      checkErrorData(c.schemaFromArrow(connection, address, this.#converted.address))
    } catch (error) {
      this.close()
      throw error
    }
  }

  #openTable({ catalog, schema, table }: TableName, fields: readonly Field[]): void {
    const failed = c.createAppender(this.#connection, catalog, schema, table, this.#appender.address) === STATE_ERROR
    if (failed) this.#fail('Catalog Error')
    for (const { name } of fields)
      if (c.addAppenderColumn(this.#appender.value, name) === STATE_ERROR)
        throw new DuckDbError(`Invalid Input Error: the table has no column "${name}"`)
  }

  #openStatement({ sql, types }: RowsStatement): void {
    this.#types = BigUint64Array.from(types, BigInt)
    const at = addressOf(this.#types)
    const state = c.createQueryAppender(this.#connection, sql, types.length, at, null, 0, this.#appender.address)
    if (state === STATE_ERROR) this.#fail()
  }

  /** The DuckDB type of a target column, as a number of `duckdb_type`. */
  #columnType(i: number): number {
    const type: Address = c.appenderColumnType(this.#appender.value, i)
    try {
      return c.typeId(type)
    } finally {
      destroy(c.destroyType, type)
    }
  }

  /**
   * Appends a batch. Its columns are those that the appender was made for.
   * @param onChunk called before each chunk; an error that it throws ends the call
   * @throws DuckDbError
   */
  append(batch: WrittenBatch, onChunk: () => void = () => {}): void {
    this.#batch = batch
    const { columns, rows } = batch
    let count = 0
    for (let firstRow = 0; firstRow < rows; firstRow += count) {
      onChunk()
      this.#arena = new Arena()
      count = rowsAtOnce(columns, firstRow, Math.min(VECTOR_ROWS, rows - firstRow))
      const slice = writeRows(columns, firstRow, count, this.#arena)
      checkErrorData(c.chunkFromArrow(this.#connection, slice, this.#converted.value, this.#chunk.address))
      try {
        if (c.appendChunk(this.#appender.value, this.#chunk.value) === STATE_ERROR) this.#fail()
      } finally {
        destroy(c.destroyChunk, this.#chunk.value)
        this.#chunk.value = 0
      }
    }
    this.#batch = undefined
  }

  /** Flushes the buffered rows. @throws DuckDbError such as a violated constraint */
  finish(): void {
    if (c.closeAppender(this.#appender.value) === STATE_ERROR) this.#fail()
  }

  close(): void {
    if (this.#appender.value !== 0) {
      // Destroying the appender would flush its buffered rows.
      c.clearAppender(this.#appender.value)
      c.destroyAppender(this.#appender.address)
    }
    destroy(c.destroyConvertedSchema, this.#converted.value)
    this.#converted.value = 0
    this.#appender.value = 0
    if (this.#batch) this.#batch = undefined
    if (this.#types) this.#types = undefined
  }

  /** DuckDB's appender often omits the kind of the error; `kind` stands in for it. */
  #fail(kind = 'Invalid Input Error'): never {
    let message = 'the rows cannot be appended'
    try {
      if (this.#appender.value !== 0) checkErrorData(c.appenderError(this.#appender.value))
    } catch (error) {
      message = (error as Error).message
    }
    throw new DuckDbError(/^[A-Za-z ]+ Error: /.test(message) ? message : `${kind}: ${message}`)
  }
}

/** Whether DuckDB reads each row of a batch correctly by itself, see `rowsAtOnce`. */
export function isAppendable({ columns, rows }: WrittenBatch): boolean {
  for (const { indices } of columns)
    if (indices) for (let row = 0; row < rows; row++) if (indices(row, row + 1) > VECTOR_ROWS) return false
  return true
}

/**
 * How many rows, from `firstRow` on, one chunk may hold. For null indices into a dictionary DuckDB allocates one entry for
 * each row of a vector, and writes beyond them where lists have more members.
 * @throws DuckDbError
 */
function rowsAtOnce(columns: readonly WrittenColumn[], firstRow: number, rows: number): number {
  const fits = (count: number) =>
    columns.every(({ indices }) => !indices || indices(firstRow, firstRow + count) <= VECTOR_ROWS)
  let count = rows
  while (count > 1 && !fits(count)) count >>= 1
  if (fits(count)) return count
  throw new DuckDbError(
    `Invalid Input Error: lists with dictionary-encoded members must not be of fixed size, have null indices, or have more than ${VECTOR_ROWS} members in a row: send the values without a dictionary`,
  )
}
