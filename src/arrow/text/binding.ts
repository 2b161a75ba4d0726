import type { Field } from '../schema.ts'
import type { BatchReader } from './batch-reader.ts'
import type { Dictionaries } from './dictionaries.ts'
import type { Cell, CellStyle } from './text-sink.ts'

/** What cells of a batch are made of. */
export interface Binding {
  readonly batch: BatchReader
  readonly dictionaries: Dictionaries
  readonly style: CellStyle
  /** Name of the column, for errors. */
  readonly column: string
  /** Binds the next column of the batch, for columns with members. @throws ArrowError MALFORMED, UNSUPPORTED */
  readonly bind: (field: Field, binding: Binding) => BoundColumn
}

/** A column of a batch: its cell and its number of rows. */
export interface BoundColumn {
  readonly cell: Cell
  readonly rows: number
}
