import { encodeRecordBatch } from '../../../arrow/batches/batch.ts'
import { joinStream } from '../../../arrow/ipc/ipc.ts'
import { decodeSchema, encodeSchema, type Field } from '../../../arrow/schema.ts'
import { wrongParameterCount } from '../../../statements/requests/parameter-count.ts'
import { FieldErrors, type FieldProblem } from '../body/field-errors.ts'
import { encodeValue, type JsonScalar } from './encode-value.ts'
import { UnfitValue } from './unfit-value.ts'

const none = new Uint8Array(0)
/** A present value in a validity bitmap or a column of booleans. */
const ONE = Uint8Array.of(1)

/**
 * Encodes values as one row of an Arrow IPC stream. Each gets the type that the statement announces; a parameter without a type
 * gets that of its JSON value: int64, float64, utf8, bool or null.
 * @param schema flatbuffer `Message` with the statement's parameters; undefined if it announces none
 * @throws GatewayError BAD_REQUEST, with the position of each value that does not fit
 */
export function encodeParameters(values: readonly JsonScalar[], schema: Uint8Array | undefined): Uint8Array {
  const announced = schema ? decodeSchema(schema).children : undefined
  if (announced && announced.length !== values.length) throw wrongParameterCount(announced.length, values.length)
  const problems: FieldProblem[] = []
  const columns = values.map((value, i): Column => {
    try {
      return columnOf(value, announced?.[i], String(i + 1))
    } catch (error) {
      if (!(error instanceof UnfitValue)) throw error
      problems.push({ path: `parameters[${i}]`, message: error.message })
      return { field: plainField('', 'n'), buffers: [] }
    }
  })
  if (problems.length > 0) throw new FieldErrors(problems)
  return streamOf(columns)
}

interface Column {
  readonly field: Field
  /** The buffers of the value after its validity; undefined for null, none for a column of nulls. */
  readonly buffers: readonly Uint8Array[] | undefined
}

function columnOf(value: JsonScalar, announced: Field | undefined, name: string): Column {
  const type = announced && typeOf(announced)
  // Engines announce text where they do not know the type, and cast what they get.
  const isText = type === 'u' || type === 'U'
  const format =
    type === undefined || (isText && value !== null && typeof value !== 'string') ? jsonFormat(value) : type
  const field = plainField(announced?.name ?? name, format)
  if (format === 'n') return { field, buffers: [] }
  return { field, buffers: value === null ? undefined : encodeValue(value, format) }
}

/** Types that a value is sent as instead: engines cast them, and they are simpler to write. */
const sent: Readonly<Record<string, string>> = { vu: 'u', vz: 'z', e: 'f' }

/** The type of a parameter; undefined if it has none, or one that JSON values cannot have: the engine casts them. */
function typeOf({ format, metadata, dictionary }: Field): string | undefined {
  if (dictionary) return typeOf(dictionary)
  if (format === 'n' || metadata.some(([name]) => name === 'ARROW:extension:name')) return undefined
  return sent[format] ?? format
}

function jsonFormat(value: JsonScalar): string {
  if (value === null) return 'n'
  if (typeof value === 'string') return 'u'
  if (typeof value === 'boolean') return 'b'
  return Number.isInteger(value) ? 'l' : 'g'
}

function plainField(name: string, format: string): Field {
  return { name, format, nullable: true, metadata: [], children: [] }
}

/** Number of a column's buffers after its validity. */
function bufferCount({ format }: Field): number {
  return 'uUzZ'.includes(format) ? 2 : 1
}

function streamOf(columns: readonly Column[]): Buffer {
  const nodes: number[] = []
  const buffers: number[] = []
  const parts: Uint8Array[] = []
  let at = 0
  const add = (bytes: Uint8Array) => {
    buffers.push(at, bytes.byteLength)
    const padded = new Uint8Array((bytes.byteLength + 7) & ~7)
    padded.set(bytes)
    parts.push(padded)
    at += padded.byteLength
  }
  for (const { field, buffers: ofValue } of columns) {
    nodes.push(1, field.format === 'n' || ofValue === undefined ? 1 : 0)
    if (field.format === 'n') continue
    add(ofValue ? ONE : Uint8Array.of(0))
    for (const each of ofValue ?? nullBuffers(field)) add(each)
  }
  const schema = { ...plainField('', '+s'), children: columns.map(({ field }) => field) }
  const body = Buffer.concat(parts)
  return joinStream([
    { header: encodeSchema(schema), body: none },
    { header: encodeRecordBatch({ rows: 1, nodes, buffers, bodyLength: body.byteLength }), body },
  ])
}

/** Zeros for a null: two offsets and no bytes, or the widest fixed value. */
function nullBuffers(field: Field): readonly Uint8Array[] {
  const zeros = new Uint8Array(Math.max(32, fixedWidth(field)))
  return bufferCount(field) === 2 ? [zeros.subarray(0, 'UZ'.includes(field.format) ? 16 : 8), none] : [zeros]
}

function fixedWidth({ format }: Field): number {
  return format.startsWith('w:') ? Number(format.slice(2)) : 0
}
