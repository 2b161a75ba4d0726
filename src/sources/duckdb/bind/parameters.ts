import { ArrowError } from '../../../arrow/errors.ts'
import { readDictionaryLayout } from '../../../arrow/ipc/header.ts'
import { readStream } from '../../../arrow/ipc/ipc.ts'
import { decodeSchema, type Field } from '../../../arrow/schema.ts'
import { DuckDbError } from '../native/c-api.ts'
import { type Address, libduckdb } from '../native/library.ts'
import { destroyType, destroyValue, nullValue, typedNull, types } from '../native/values.ts'
import { BatchWriter, dictionaryFields, type WrittenBatch } from './batch-writer.ts'
import { narrowed } from './imported-column.ts'
import { type ParameterColumn, ParameterReader } from './parameter-column.ts'

const bindValue: (statement: Address, index: number, value: Address) => number = libduckdb.func(
  'int duckdb_bind_value(uintptr_t, uint64_t, uintptr_t)',
)

/** One batch of parameters. */
interface ParameterBatch {
  readonly columns: readonly ParameterColumn[]
  readonly written: WrittenBatch
}

/** The rows of an IPC stream as parameters. Each value keeps its type. */
export class Parameters {
  readonly fields: readonly Field[]
  readonly rowCount: number
  readonly #batches: readonly ParameterBatch[]

  /**
   * Validates every value, so that errors show before any row is used.
   * @param typeOf the DuckDB type of the column that only stores the parameter, as a number of `duckdb_type`
   * @throws ArrowError for malformed bytes and for types that cannot be bound; DuckDbError, with the row, for a value that
   * DuckDB cannot hold
   */
  constructor(stream: Uint8Array, typeOf: (i: number) => number = () => 0) {
    let fields: readonly Field[] = []
    let writer: BatchWriter | undefined
    const dictionaries = new Map<Field, ParameterColumn>()
    const batches: ParameterBatch[] = []
    for (const message of readStream(stream)) {
      const { header, body } = message
      if (!writer) {
        fields = decodeSchema(header).children.map((field, i) => narrowed(field, () => typeOf(i)))
        writer = new BatchWriter(fields)
        continue
      }
      const written = writer.write(message)
      if (written) {
        const reader = new ParameterReader(written.layout, body, dictionaries)
        batches.push({ columns: fields.map((field) => reader.column(field)), written })
        continue
      }
      const { id, layout } = readDictionaryLayout(header)
      for (const field of dictionaryFields(fields, id))
        dictionaries.set(field, new ParameterReader(layout, body, dictionaries).column(field.dictionary!))
    }
    this.fields = fields
    this.#batches = batches
    this.rowCount = batches.reduce((sum, { written }) => sum + written.rows, 0)
  }

  /**
   * The rows in order, each as a function that binds it to a statement.
   * Source: https://duckdb.org/docs/stable/clients/c/prepared.
   * @throws DuckDbError, ArrowError MALFORMED
   */
  *rows(): Generator<(statement: Address) => void> {
    for (const { columns, written } of this.#batches)
      for (let row = 0; row < written.rows; row++) yield (statement) => bindRow(statement, columns, row)
  }

  /** The DuckDB types that the columns are bound as. The caller destroys them. There must be at least one row. */
  types(): Address[] {
    return this.#batches[0]!.columns.map((column) => column.type() || types.plain(TYPE_INTEGER))
  }

  /** The batches, laid out for DuckDB. */
  written(): readonly WrittenBatch[] {
    return this.#batches.map(({ written }) => written)
  }
}

/** The type that DuckDB assumes for an untyped NULL. */
const TYPE_INTEGER = 4

/** Binds NULL to each parameter, typed by the fields of an IPC stream as far as they go. @throws DuckDbError, ArrowError */
export function bindNulls(statement: Address, stream: Uint8Array, count: number): void {
  const [first] = readStream(stream)
  const fields = first ? decodeSchema(first.header).children : []
  for (let i = 0; i < count; i++) {
    const field = fields[i]
    bindTo(statement, i, field ? nullOf(field) : nullValue())
  }
}

const MAX_EMPTY_NODES = 1000

function nullOf(field: Field): Address {
  const zeros = new Array<number>(2 * MAX_EMPTY_NODES).fill(0)
  const layout = { rows: 0, nodes: zeros, buffers: zeros, bodyLength: 0 }
  const value = field.dictionary ?? field
  const type = new ParameterReader(layout, new Uint8Array(0), new Map()).column(value).type()
  try {
    return type === 0 ? nullValue() : typedNull(type)
  } finally {
    destroyType(type)
  }
}

function bindRow(statement: Address, columns: readonly ParameterColumn[], row: number): void {
  for (const [i, column] of columns.entries()) {
    let value: Address
    try {
      value = column.value(row)
    } catch (error) {
      // A batch with buffers too short for its rows is malformed.
      if (error instanceof RangeError || error instanceof TypeError)
        throw new ArrowError('MALFORMED', 'A buffer of the parameters is too short for its rows.')
      throw error
    }
    bindTo(statement, i, value)
  }
}

function bindTo(statement: Address, i: number, value: Address): void {
  try {
    if (value === 0 || bindValue(statement, i + 1, value) !== 0)
      throw new DuckDbError(`Invalid Input Error: parameter ${i + 1} cannot be bound, or is one too many`)
  } finally {
    destroyValue(value)
  }
}
