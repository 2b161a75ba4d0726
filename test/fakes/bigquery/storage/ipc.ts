import { Message, makeData, RecordBatch, RecordBatchStreamWriter, type Schema, Struct } from 'apache-arrow'
import type { FieldSchema, Row } from '../schema.ts'
import { arrowData } from './arrow-data.ts'
import { arrowSchema } from './arrow-type.ts'

/** The schema as one encapsulated IPC message. */
export function schemaMessage(fields: readonly FieldSchema[]): Buffer {
  return messagesOf(arrowSchema(fields), [])[0]!
}

/** Rows as one encapsulated IPC message of one record batch, as `serialized_record_batch` holds it. */
export function batchMessage(rows: readonly Row[], fields: readonly FieldSchema[]): Buffer {
  const schema = arrowSchema(fields)
  const children = fields.map((field, index) =>
    arrowData(
      rows.map(({ f }) => f[index]!.v),
      field,
      schema.fields[index]!.type,
    ),
  )
  const data = makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children } as never)
  return messagesOf(schema, [new RecordBatch(schema, data as never)])[1]!
}

function messagesOf(schema: Schema, batches: readonly RecordBatch[]): Buffer[] {
  const writer = new RecordBatchStreamWriter()
  writer.reset(undefined, schema)
  for (const batch of batches) writer.write(batch)
  const stream = Buffer.from(writer.finish().toUint8Array(true))
  const messages: Buffer[] = []
  let at = 0
  while (at < stream.length) {
    const length = stream.readInt32LE(at + 4)
    if (length === 0) break
    const { bodyLength } = Message.decode(stream.subarray(at + 8, at + 8 + length))
    const end = at + 8 + length + Number(bodyLength)
    messages.push(stream.subarray(at, end))
    at = end
  }
  return messages
}
