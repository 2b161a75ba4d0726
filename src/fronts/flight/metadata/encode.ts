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

/** A row by column name; missing columns are null. */
export type MetadataRow = Readonly<Record<string, unknown>>

/** Encodes rows as frames: the schema, then one batch if there are rows. */
export function encodeRows(schema: Schema, rows: readonly MetadataRow[]): Frame[] {
  const children = schema.fields.map((field) =>
    buildColumn(
      field.type,
      rows.map((row) => row[field.name] ?? null),
    ),
  )
  return encodeColumns(schema, children, rows.length)
}

/** Encodes built columns as frames. */
export function encodeColumns(schema: Schema, children: readonly Data[], rows: number): Frame[] {
  const data = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children: [...children] })
  const table = rows > 0 ? new Table(schema, [new RecordBatch(schema, data)]) : new Table(schema, [])
  const frames: Frame[] = []
  for (const { header, body } of readStream(tableToIPC(table, 'stream'))) {
    const { kind, rows: count } = readHeader(header)
    // The library ends an empty table with a batch without rows; omit it.
    if (kind !== 'batch' || count > 0) frames.push(frameOf(header, body, count))
  }
  return frames
}

/** Encodes the schema of a metadata result as a bare flatbuffer `Message`. */
export function schemaMessage(schema: Schema): Uint8Array {
  const [first] = readStream(tableToIPC(new Table(schema, []), 'stream'))
  return first!.header
}

/** Builds a column from values. */
export function buildColumn(type: DataType, values: readonly unknown[]): Data {
  const builder = makeBuilder({ type, nullValues: [null, undefined] })
  for (const value of values) builder.append(value)
  builder.finish()
  return builder.toVector().data[0] ?? makeData({ type, length: 0 } as never)
}
