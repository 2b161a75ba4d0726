import {
  type Data,
  type DataType,
  makeBuilder,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  Table,
  tableToIPC,
} from 'apache-arrow'
import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import { readHeader } from '../../../arrow/ipc/header.ts'
import { readStream } from '../../../arrow/ipc/ipc.ts'

/** Rows by column name; what is missing is null. */
export type MetadataRow = Readonly<Record<string, unknown>>

/** Rows of one of the metadata schemas as frames: the schema's, then a batch if there are rows. */
export function encodeRows(schema: Schema, rows: readonly MetadataRow[]): Frame[] {
  const children = schema.fields.map((field) =>
    buildColumn(
      field.type,
      rows.map((row) => row[field.name] ?? null),
    ),
  )
  return encodeColumns(schema, children, rows.length)
}

/** Columns that are laid out already, as frames. */
export function encodeColumns(schema: Schema, children: readonly Data[], rows: number): Frame[] {
  const data = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children: [...children] })
  const table = rows > 0 ? new Table(schema, [new RecordBatch(schema, data)]) : new Table(schema, [])
  const frames: Frame[] = []
  for (const { header, body } of readStream(tableToIPC(table, 'stream'))) {
    const { kind, rows: count } = readHeader(header)
    // The library ends an empty table with a batch of no rows, which nobody needs.
    if (kind !== 'batch' || count > 0) frames.push(frameOf(header, body, count))
  }
  return frames
}

/** The schema of a metadata result as a bare flatbuffer `Message`. */
export function schemaMessage(schema: Schema): Uint8Array {
  const [first] = readStream(tableToIPC(new Table(schema, []), 'stream'))
  return first!.header
}

/** Values as one column. */
export function buildColumn(type: DataType, values: readonly unknown[]): Data {
  const builder = makeBuilder({ type, nullValues: [null, undefined] })
  for (const value of values) builder.append(value)
  builder.finish()
  return builder.toVector().data[0] ?? makeData({ type, length: 0 } as never)
}
