import { ArrowError } from '../../arrow/errors.ts'
import { readBatchLayout, readDictionaryLayout, readHeader } from '../../arrow/header.ts'
import { readStream } from '../../arrow/ipc.ts'
import { decodeSchema, type Field } from '../../arrow/schema.ts'
import { DuckDbError } from './c-functions.ts'
import { type Address, libduckdb } from './native.ts'
import { type ParameterColumn, ParameterReader } from './parameter-column.ts'
import { destroyType, destroyValue, nullValue, typedNull } from './value-functions.ts'

const bindValue: (statement: Address, index: number, value: Address) => number = libduckdb.func(
  'int duckdb_bind_value(uintptr_t, uint64_t, uintptr_t)',
)

/** One row of parameters, ready to be bound. */
export interface ParameterRow {
  /** Binds the row. @throws DuckDbError, ArrowError MALFORMED */
  bindTo(statement: Address): void
}

/**
 * The rows of an IPC stream as parameters, in order, each value with its type.
 * Source: https://duckdb.org/docs/stable/clients/c/prepared.
 * @throws ArrowError for malformed bytes and for types that cannot be bound
 */
export function* parameterRows(stream: Uint8Array): Generator<ParameterRow> {
  let schema: Field | undefined
  const dictionaries = new Map<Field, ParameterColumn>()
  for (const { header, body } of readStream(stream)) {
    if (!schema) {
      schema = decodeSchema(header)
      continue
    }
    if (readHeader(header).kind === 'dictionary') {
      const { id, isDelta, layout } = readDictionaryLayout(header)
      if (isDelta) throw new ArrowError('UNSUPPORTED', 'Dictionaries that grow cannot be bound: send whole ones.')
      for (const field of fieldsOfDictionary(schema.children, id))
        dictionaries.set(field, new ParameterReader(layout, body, dictionaries).column(field.dictionary!))
      continue
    }
    const layout = readBatchLayout(header)
    const reader = new ParameterReader(layout, body, dictionaries)
    const columns = schema.children.map((field) => reader.column(field))
    for (let row = 0; row < layout.rows; row++) yield { bindTo: (statement) => bindRow(statement, columns, row) }
  }
}

/** Binds NULL to each parameter, of the types that an IPC stream has, as far as it goes. @throws DuckDbError, ArrowError */
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
  const nothing = new Array<number>(2 * MAX_EMPTY_NODES).fill(0)
  const layout = { rows: 0, nodes: nothing, buffers: nothing, bodyLength: 0 }
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
      // A batch whose buffers are shorter than its rows is malformed.
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

function* fieldsOfDictionary(fields: readonly Field[], id: number): Generator<Field> {
  for (const field of fields) {
    if (field.dictionary && field.dictionaryId === id) yield field
    yield* fieldsOfDictionary(field.children, id)
  }
}
