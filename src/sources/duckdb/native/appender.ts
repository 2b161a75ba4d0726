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

/** A statement that takes the rows from the table `appended_data`, and the types of DuckDB that they have there. */
export interface RowsStatement {
  readonly sql: string
  /** To be destroyed by whoever made them. */
  readonly types: readonly Address[]
}

/**
 * Appends record batches to a table, columns matched by name, or has a statement take them. What is not flushed by
 * `finish` is lost with the transaction around it. Every call blocks.
 * Source: https://duckdb.org/docs/stable/clients/c/appender.
 */
export class Appender {
  /** The fields that the batches are to be written for. */
  readonly fields: readonly Field[]
  readonly #connection: Address
  readonly #schemaArena = new Arena()
  readonly #appender = new Cell()
  readonly #converted = new Cell()
  readonly #chunk = new Cell()
  /** Belong to the object, so that they outlive the call that reads them. */
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

  /** The type of a column that is appended to, as a number of `duckdb_type`. */
  #columnType(i: number): number {
    const type: Address = c.appenderColumnType(this.#appender.value, i)
    try {
      return c.typeId(type)
    } finally {
      destroy(c.destroyType, type)
    }
  }

  /**
   * Appends a batch of the columns that the appender was made for.
   * @param onChunk called between pieces of it; what it throws ends the call
   * @throws DuckDbError
   */
  append(batch: WrittenBatch, onChunk: () => void = () => {}): void {
    this.#batch = batch
    const { columns, rows } = batch
    let count = 0
    for (let from = 0; from < rows; from += count) {
      onChunk()
      this.#arena = new Arena()
      count = rowsAtOnce(columns, from, Math.min(VECTOR_ROWS, rows - from))
      const piece = writeRows(columns, from, count, this.#arena)
      checkErrorData(c.chunkFromArrow(this.#connection, piece, this.#converted.value, this.#chunk.address))
      try {
        if (c.appendChunk(this.#appender.value, this.#chunk.value) === STATE_ERROR) this.#fail()
      } finally {
        destroy(c.destroyChunk, this.#chunk.value)
        this.#chunk.value = 0
      }
    }
    this.#batch = undefined
  }

  /** Writes what is still held back. @throws DuckDbError such as a violated constraint */
  finish(): void {
    if (c.closeAppender(this.#appender.value) === STATE_ERROR) this.#fail()
  }

  close(): void {
    if (this.#appender.value !== 0) {
      // Destroying it would write what it still holds.
      c.clearAppender(this.#appender.value)
      c.destroyAppender(this.#appender.address)
    }
    destroy(c.destroyConvertedSchema, this.#converted.value)
    this.#converted.value = 0
    this.#appender.value = 0
    if (this.#batch) this.#batch = undefined
    if (this.#types) this.#types = undefined
  }

  /** The appender often leaves out what kind of error it is. */
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

/** Whether DuckDB reads each row of a batch rightly. */
export function isAppendable({ columns, rows }: WrittenBatch): boolean {
  for (const { indices } of columns)
    if (indices) for (let row = 0; row < rows; row++) if (indices(row, row + 1) > VECTOR_ROWS) return false
  return true
}

/**
 * How many of the rows may be converted together. For the nulls among the indices into a dictionary DuckDB takes memory for as
 * many as a vector has rows, and writes beyond it where lists have more members.
 * @throws DuckDbError
 */
function rowsAtOnce(columns: readonly WrittenColumn[], from: number, rows: number): number {
  const fits = (count: number) => columns.every(({ indices }) => !indices || indices(from, from + count) <= VECTOR_ROWS)
  let count = rows
  while (count > 1 && !fits(count)) count >>= 1
  if (fits(count)) return count
  throw new DuckDbError(
    `Invalid Input Error: lists with dictionary-encoded members must not be of fixed size, have null indices, or have more than ${VECTOR_ROWS} members in a row: send the values as they are`,
  )
}
