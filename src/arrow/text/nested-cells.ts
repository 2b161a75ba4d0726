import { ArrowError } from '../errors.ts'
import type { Field } from '../schema.ts'
import { malformed } from './batch-reader.ts'
import type { Binding, BoundColumn } from './binding.ts'
import { CELL_BYTES, type Cell, LONG_BYTES, type LongSteps, STEP_BYTES, sink } from './text-sink.ts'
import { uniqueNames } from './unique-names.ts'

const COMMA = 44
const OPEN_LIST = 91
const CLOSE_LIST = 93
const OPEN_STRUCT = 123
const CLOSE_STRUCT = 125
const MAX_TYPE_IDS = 128

/** A cell of lists of any layout. */
export function listCell(field: Field, binding: Binding, rows: number): Cell {
  const { batch } = binding
  const { format } = field
  if (format === '+l' || format === '+L') {
    const offsets = batch.offsets(rows, format === '+l' ? 4 : 8)
    const items = bindItems(field, binding)
    return (row, at) => items(offsets[row]!, offsets[row + 1]!, at)
  }
  if (format === '+vl' || format === '+vL') {
    const width = format === '+vl' ? 4 : 8
    const offsets = batch.sizes(rows, width)
    const sizes = batch.sizes(rows, width)
    const items = bindItems(field, binding)
    return (row, at) => {
      const size = sizes[row]!
      return size === 0 ? items(0, 0, at) : items(offsets[row]!, offsets[row]! + size, at)
    }
  }
  if (!format.startsWith('+w:'))
    throw new ArrowError(
      'UNSUPPORTED',
      `The column "${binding.column}" has an Arrow type without a text form: cast it.`,
    )
  const size = Number(format.slice(3))
  const items = bindItems(field, binding)
  return (row, at) => items(size * row, size * (row + 1), at)
}

function bindItems(field: Field, binding: Binding): (from: number, to: number, at: number) => number {
  return itemsOf(binding.bind(field.children[0]!, binding), binding.column)
}

/** Writes the values of a range of rows as a JSON list. */
function itemsOf({ cell, rows }: BoundColumn, column: string): (from: number, to: number, at: number) => number {
  return (from, to, at) => {
    if (!(from >= 0 && from <= to && to <= rows)) throw malformed(`A list of the column "${column}" is out of bounds.`)
    sink.room(at, 2)
    sink.bytes[at] = OPEN_LIST
    let end = at + 1
    for (let row = from; row < to; row++) {
      // An item takes a comma and a byte at least.
      if (end > LONG_BYTES && row > from) return sink.defer(end, 2 * (to - row), itemSteps(cell, row, to))
      sink.room(end, CELL_BYTES)
      if (row > from) sink.bytes[end++] = COMMA
      end = cell(row, end)
    }
    sink.room(end, 1)
    sink.bytes[end] = CLOSE_LIST
    return end + 1
  }
}

/** Writes the rest of a list, from a row after the first on. */
function* itemSteps(cell: Cell, from: number, to: number): LongSteps {
  let end = 0
  for (let row = from; row < to; row++) {
    if (end >= STEP_BYTES) {
      yield end
      end = 0
    }
    sink.room(end, CELL_BYTES)
    sink.bytes[end++] = COMMA
    end = cell(row, end)
  }
  sink.room(end, 1)
  sink.bytes[end++] = CLOSE_LIST
  yield end
}

/** A cell of structs: JSON objects. */
export function structCell(field: Field, binding: Binding, rows: number): Cell {
  const cells = field.children.map((child) => bindAtLeast(child, binding, rows))
  const names = uniqueNames(field.children.map(({ name }) => name))
  const keys = names.map((name, i) => Buffer.from(`${i > 0 ? ',' : '{'}${JSON.stringify(name)}:`))
  const count = cells.length
  return (row, at) => {
    let end = at
    if (count === 0) {
      sink.room(end, 2)
      sink.bytes[end++] = OPEN_STRUCT
    }
    for (let i = 0; i < count; i++) {
      const key = keys[i]!
      sink.room(end, key.length + CELL_BYTES)
      const { bytes } = sink
      for (let j = 0; j < key.length; j++) bytes[end++] = key[j]!
      end = cells[i]!(row, end)
    }
    sink.room(end, 1)
    sink.bytes[end] = CLOSE_STRUCT
    return end + 1
  }
}

/** A cell of maps: JSON lists of pairs, because keys may be of any type. */
export function mapCell(field: Field, binding: Binding, rows: number): Cell {
  const offsets = binding.batch.offsets(rows, 4)
  const entries = field.children[0]!
  const count = binding.batch.node()
  const validity = binding.batch.validity(count)
  if (entries.format !== '+s' || entries.children.length !== 2)
    throw malformed(`The map of the column "${binding.column}" has no pairs of key and value.`)
  const cells = entries.children.map((child) => bindAtLeast(child, binding, count))
  if (validity?.subarray(0, Math.floor(count / 8)).some((bits) => bits !== 255))
    throw malformed(`A map of the column "${binding.column}" has an entry that is null.`)
  const pair: Cell = (row, at) => {
    sink.bytes[at] = OPEN_LIST
    let end = cells[0]!(row, at + 1)
    sink.room(end, 2 + CELL_BYTES)
    sink.bytes[end++] = COMMA
    end = cells[1]!(row, end)
    sink.room(end, 1)
    sink.bytes[end] = CLOSE_LIST
    return end + 1
  }
  const items = itemsOf({ cell: pair, rows: count }, binding.column)
  return (row, at) => items(offsets[row]!, offsets[row + 1]!, at)
}

/** A cell of sparse or dense unions: the value of the member. */
export function unionCell(field: Field, binding: Binding, rows: number): Cell {
  const { batch, column } = binding
  const isDense = field.format.startsWith('+ud:')
  const types = batch.bytes(rows)
  const offsets = isDense ? batch.words(rows) : undefined
  const members = new Array<BoundColumn | undefined>(MAX_TYPE_IDS)
  const typeIds = field.format.slice(4).split(',').map(Number)
  for (const [i, child] of field.children.entries()) members[typeIds[i]!] = binding.bind(child, binding)
  return (row, at) => {
    const member = members[types[row]!]
    const at0 = offsets ? offsets[row]! : row
    if (!member || at0 < 0 || at0 >= member.rows) throw malformed(`A union of the column "${column}" is out of bounds.`)
    sink.room(at, CELL_BYTES)
    return member.cell(at0, at)
  }
}

/** Binds a child that has a value for each row of its parent. */
function bindAtLeast(child: Field, binding: Binding, rows: number): Cell {
  const bound = binding.bind(child, binding)
  if (bound.rows < rows) throw malformed(`A member of the column "${binding.column}" has too few values.`)
  return bound.cell
}
