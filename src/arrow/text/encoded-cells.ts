import type { Field } from '../schema.ts'
import { BatchReader, malformed } from './batch-reader.ts'
import type { Binding } from './binding.ts'
import { CELL_BYTES, type Cell, sink } from './text-sink.ts'
import { nullCell } from './values/nulls.ts'

/** A cell of a dictionary-encoded column: the values that its indices refer to. */
export function dictionaryCell(field: Field, binding: Binding, rows: number): Cell {
  const { batch, dictionaries, column } = binding
  const indices = batch.integers(field.format, rows)
  const parts = dictionaries
    .partsOf(field.dictionaryId ?? 0)
    .map(({ layout, body }) => binding.bind(field.dictionary!, { ...binding, batch: new BatchReader(layout, body) }))
  const [first, ...others] = parts
  return (row, at) => {
    let index = indices[row]!
    sink.room(at, CELL_BYTES)
    if (first && index >= 0 && index < first.rows) return first.cell(index, at)
    index -= first?.rows ?? 0
    for (const part of others) {
      if (index >= 0 && index < part.rows) return part.cell(index, at)
      index -= part.rows
    }
    throw malformed(`The column "${column}" has an index beyond its dictionary.`)
  }
}

/** A cell of a run-end encoded column. Rows are mostly read in ascending order, so the search starts at the last run. */
export function runEndCell(field: Field, binding: Binding, rows: number): Cell {
  const [endsField, valuesField] = field.children
  const { batch, column } = binding
  const runs = batch.node()
  batch.validity(0)
  const ends = batch.integers(endsField!.format, runs)
  const values = binding.bind(valuesField!, binding)
  if (values.rows < runs || (rows > 0 && !(ends[runs - 1]! >= rows)))
    throw malformed(`The runs of the column "${column}" do not cover its rows.`)
  if (rows === 0) return nullCell(binding.style)
  let run = 0
  return (row, at) => {
    if (run > 0 && row < ends[run - 1]!) run = 0
    while (run < runs && ends[run]! <= row) run++
    sink.room(at, CELL_BYTES)
    return values.cell(run, at)
  }
}
