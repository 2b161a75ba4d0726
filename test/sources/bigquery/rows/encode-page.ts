import { encapsulateFrame } from '../../../../src/arrow/ipc/encapsulated-frame.ts'
import { type Frame, frameOf } from '../../../../src/arrow/ipc/frame.ts'
import { encodeSchema } from '../../../../src/arrow/schema.ts'
import { createRowEncoder } from '../../../../src/arrow/text/row-encoder.ts'
import { readPage } from '../../../../src/sources/bigquery/rows/page.ts'
import { RowEncoder, type RowLimits } from '../../../../src/sources/bigquery/rows/row-encoder.ts'
import { arrowSchemaOf } from '../../../../src/sources/bigquery/types/arrow-schema.ts'
import type { TableField } from '../../../../src/sources/bigquery/types/table-field.ts'

const limits: RowLimits = { batchRows: 1 << 18, batchBytes: 2 << 20 }

/** A value as REST has it: text, null, the values of an ARRAY, or the members of a STRUCT as an object. */
export type RestValue = string | null | readonly RestValue[] | { readonly [member: string]: RestValue }

/** The `v` of a value. */
export function cellOf(value: RestValue): unknown {
  if (value === null || typeof value === 'string') return value
  if (Array.isArray(value)) return value.map((item: RestValue) => ({ v: cellOf(item) }))
  return { f: Object.values(value).map((member) => ({ v: cellOf(member) })) }
}

/** An answer with these rows, as BigQuery writes it. */
export function answerOf(rows: readonly (readonly RestValue[])[], more: object = { jobComplete: true }): Buffer {
  const cells = rows.map((row) => ({ f: row.map((value) => ({ v: cellOf(value) })) }))
  return Buffer.from(JSON.stringify({ kind: 'bigquery#queryResponse', rows: cells, ...more }))
}

/** The batches of an answer. */
export async function batchesOf(
  fields: readonly TableField[],
  answer: Uint8Array,
  options: { readonly limits?: RowLimits } = {},
): Promise<Frame[]> {
  const { rows } = await readPage(answer)
  const frames: Frame[] = []
  const encoder = new RowEncoder(fields, options.limits ?? limits)
  for await (const some of encoder.encode(rows)) frames.push(...some)
  return frames
}

/** The frame of the schema. */
export function schemaFrameOf(fields: readonly TableField[]): Frame {
  return frameOf(encodeSchema(arrowSchemaOf(fields)), new Uint8Array(0), 0)
}

/** An IPC stream of these messages. */
export function streamOf(frames: readonly Frame[]): Buffer {
  return Buffer.concat(frames.flatMap((frame) => encapsulateFrame(frame)!.chunks))
}

/** The rows of an answer after their way through Arrow, as the gateway writes them as JSON. */
export async function rowsOf(
  fields: readonly TableField[],
  answer: Uint8Array,
  options: Parameters<typeof batchesOf>[2] = {},
): Promise<unknown[][]> {
  const schema = schemaFrameOf(fields)
  const encoder = createRowEncoder('ndjson', schema, { chunkRows: 1 << 20, rowFormat: 'arrays', numbers: 'text' })
  let text = ''
  for (const frame of await batchesOf(fields, answer, options))
    for await (const { bytes } of encoder.batch(frame)) text += Buffer.from(bytes).toString()
  return text
    .split('\n')
    .filter((line) => line.length > 0)
    .map((line) => JSON.parse(line) as unknown[])
}
