import { ArrowError } from '../../arrow/errors.ts'
import { readBatchLayout, readDictionaryLayout, readHeader } from '../../arrow/header.ts'
import type { IpcMessage } from '../../arrow/ipc.ts'
import { layoutPlan } from '../../arrow/layout-plan.ts'
import type { Field } from '../../arrow/schema.ts'
import { Arena } from './arena.ts'
import { type WrittenColumn, writeColumns, writeRows } from './arrow-array.ts'
import { writeArrowSchema } from './arrow-schema-struct.ts'
import { Cell, c, checkErrorData, DuckDbError, destroy, STATE_ERROR } from './c-functions.ts'
import type { Address } from './native.ts'

/** Rows of a DuckDB vector. */
const VECTOR_ROWS = 2048

/** Names a table. */
export interface TableName {
  readonly catalog: string
  readonly schema: string
  readonly table: string
}

/**
 * Appends record batches to a table, columns matched by name. What is not flushed by `finish` is lost with the
 * transaction around it. Every call blocks.
 * Source: https://duckdb.org/docs/stable/clients/c/appender.
 */
export class Appender {
  readonly #connection: Address
  readonly #fields: readonly Field[]
  readonly #schemaArena = new Arena()
  readonly #appender = new Cell()
  readonly #converted = new Cell()
  readonly #chunk = new Cell()
  readonly #dictionaries = new Map<Field, WrittenColumn>()
  /** Dictionaries are read with every batch that comes after them. */
  readonly #dictionaryArenas = new Map<number, Arena>()
  /** Belongs to the object, so that it outlives the call that reads it. */
  #arena = new Arena()

  /** @throws DuckDbError, ArrowError UNSUPPORTED */
  constructor(connection: Address, { catalog, schema, table }: TableName, fields: readonly Field[]) {
    this.#connection = connection
    this.#fields = fields
    for (const field of fields) layoutPlan(field)
    try {
      const failed = c.createAppender(connection, catalog, schema, table, this.#appender.address) === STATE_ERROR
      if (failed) this.#fail('Catalog Error')
      for (const { name } of fields)
        if (c.addAppenderColumn(this.#appender.value, name) === STATE_ERROR)
          throw new DuckDbError(`Invalid Input Error: the table has no column "${name}"`)
      const root: Field = { name: '', format: '+s', nullable: false, metadata: [], children: fields }
      const address = writeArrowSchema(root, this.#schemaArena)
      checkErrorData(c.schemaFromArrow(connection, address, this.#converted.address))
    } catch (error) {
      this.close()
      throw error
    }
  }

  /**
   * Takes a record batch or a dictionary.
   * @returns rows appended
   * @throws DuckDbError, ArrowError
   */
  append({ header, body }: IpcMessage): number {
    if (readHeader(header).kind === 'dictionary') {
      this.#takeDictionary(header, body)
      return 0
    }
    const layout = readBatchLayout(header)
    this.#arena = new Arena()
    const columns = writeColumns(
      this.#fields,
      layout,
      aligned(body, layout.bodyLength),
      this.#dictionaries,
      this.#arena,
    )
    for (let from = 0; from < layout.rows; from += VECTOR_ROWS) {
      const rows = writeRows(columns, from, Math.min(VECTOR_ROWS, layout.rows - from), this.#arena)
      checkErrorData(c.chunkFromArrow(this.#connection, rows, this.#converted.value, this.#chunk.address))
      try {
        if (c.appendChunk(this.#appender.value, this.#chunk.value) === STATE_ERROR) this.#fail()
      } finally {
        destroy(c.destroyChunk, this.#chunk.value)
        this.#chunk.value = 0
      }
    }
    return layout.rows
  }

  /** Writes what is still held back. @throws DuckDbError such as a violated constraint */
  finish(): void {
    if (c.closeAppender(this.#appender.value) === STATE_ERROR) this.#fail()
  }

  close(): void {
    if (this.#appender.value !== 0) c.destroyAppender(this.#appender.address)
    destroy(c.destroyConvertedSchema, this.#converted.value)
    this.#converted.value = 0
    this.#appender.value = 0
  }

  #takeDictionary(header: Uint8Array, body: Uint8Array): void {
    const { id, isDelta, layout } = readDictionaryLayout(header)
    if (isDelta) throw new ArrowError('UNSUPPORTED', 'Dictionaries that grow cannot be ingested: send whole ones.')
    const arena = new Arena()
    for (const field of dictionaryFields(this.#fields, id)) {
      const [values] = writeColumns(
        [field.dictionary!],
        layout,
        aligned(body, layout.bodyLength),
        this.#dictionaries,
        arena,
      )
      this.#dictionaries.set(field, values!)
    }
    this.#dictionaryArenas.set(id, arena)
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

/** DuckDB reads values in place, so the body must stand at a multiple of 8. */
function aligned(body: Uint8Array, bodyLength: number): Uint8Array {
  if (body.byteLength < bodyLength) throw new ArrowError('MALFORMED', 'The body of a batch is cut short.')
  return body.byteOffset % 8 === 0 ? body : Uint8Array.from(body)
}

function* dictionaryFields(fields: readonly Field[], id: number): Generator<Field> {
  for (const field of fields) {
    if (field.dictionary && field.dictionaryId === id) yield field
    yield* dictionaryFields(field.children, id)
    if (field.dictionary) yield* dictionaryFields([field.dictionary], id)
  }
}
