import { ArrowError } from '../../../arrow/errors.ts'
import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import { readHeader } from '../../../arrow/ipc/header.ts'
import { readStream } from '../../../arrow/ipc/ipc.ts'
import { decodeSchema, type Field } from '../../../arrow/schema.ts'
import { createRowEncoder } from '../../../arrow/text/row-encoder.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { ParameterType, UndeclaredParameter } from '../rest/api.ts'
import { type JsonValue, parameterOf } from './parameter-value.ts'
import type { Placeholders } from './placeholders.ts'
import { type QueryParameter, UnfitParameter } from './query-parameter.ts'

/** Each row is a job of its own. */
const MAX_ROWS = 1000

/** Rows of parameters: the statement runs once for each. */
export interface BoundParameters {
  readonly count: number
  /** The rows in order, each read when it is asked for. @throws GatewayError as `readParameters` */
  rows(): AsyncGenerator<readonly QueryParameter[], void, undefined>
  /** Typed NULLs, for a dry run without values. */
  nulls(): readonly QueryParameter[]
}

/** A column and the parameter that it binds. */
interface Binding {
  readonly field: Field
  readonly name: string | undefined
  readonly expected: ParameterType | undefined
}

/**
 * Reads bound parameters as those of the REST API. A value becomes the type that the statement expects if none of it is lost;
 * times are cut to microseconds, which BigQuery's have.
 * @param stream Arrow IPC stream
 * @param declared the types that a dry run has found, if known
 * @throws GatewayError BAD_REQUEST for a malformed stream or another number of columns; BAD_DATA, with row and column, for a
 * value that BigQuery cannot hold; UNSUPPORTED_TYPE; TOO_LARGE for more than 1,000 rows
 */
export function readParameters(
  stream: Uint8Array,
  placeholders: Placeholders,
  declared: readonly UndeclaredParameter[] = [],
): BoundParameters {
  try {
    const [schema, ...batches] = framesOf(stream)
    const count = batches.reduce((sum, { rows }) => sum + rows, 0)
    if (count > MAX_ROWS) {
      const text = `The gateway runs one job for each row of parameters: bind at most ${MAX_ROWS} rows.`
      throw new GatewayError('TOO_LARGE', text)
    }
    const bindings = bindingsOf(decodeSchema(schema!.header).children, placeholders, declared)
    return {
      count,
      rows: () => rowsOf(frame(schema!), batches.map(frame), bindings),
      nulls: () => bindings.map((binding) => named(binding, parameterOf(binding.field, null, binding.expected))),
    }
  } catch (error) {
    throw refusalOf(error)
  }
}

interface Message {
  readonly header: Uint8Array
  readonly body: Uint8Array
  /** 0 for schema and dictionaries. */
  readonly rows: number
}

function framesOf(stream: Uint8Array): Message[] {
  const messages: Message[] = []
  for (const { header, body } of readStream(stream)) {
    const { kind, rows } = readHeader(header)
    if ((kind === 'schema') !== (messages.length === 0))
      throw new ArrowError('MALFORMED', 'The first message, and only that, must be the schema.')
    messages.push({ header, body, rows: kind === 'batch' ? rows : 0 })
  }
  if (messages.length === 0) throw new ArrowError('MALFORMED', 'The stream has no schema.')
  return messages
}

const frame = ({ header, body, rows }: Message): Frame => frameOf(header, body, rows)

async function* rowsOf(
  schema: Frame,
  batches: readonly Frame[],
  bindings: readonly Binding[],
): AsyncGenerator<readonly QueryParameter[], void, undefined> {
  let row = 0
  try {
    const encoder = createRowEncoder('ndjson', schema, { chunkRows: 1, rowFormat: 'arrays', numbers: 'text' })
    for (const batch of batches) {
      let text: Uint8Array[] = []
      for await (const { bytes, rows } of encoder.batch(batch)) {
        text.push(bytes)
        if (rows === 0) continue
        const values = JSON.parse(Buffer.concat(text).toString()) as JsonValue[]
        text = []
        yield parametersOf(values, bindings, ++row)
      }
    }
  } catch (error) {
    throw refusalOf(error)
  }
}

function parametersOf(values: readonly JsonValue[], bindings: readonly Binding[], row: number): QueryParameter[] {
  return bindings.map((binding, i) => {
    try {
      return named(binding, parameterOf(binding.field, values[i] ?? null, binding.expected))
    } catch (error) {
      if (!(error instanceof UnfitParameter)) throw error
      const text = `Row ${row} of the parameters, column ${i + 1} ("${binding.field.name}") ${error.message}.`
      throw new GatewayError('BAD_DATA', text)
    }
  })
}

function named({ name }: Binding, parameter: QueryParameter): QueryParameter {
  return name === undefined ? parameter : { name, ...parameter }
}

/** Assigns the columns to the parameters: by name, or in their order if the client gave them no names of its own. */
function bindingsOf(
  fields: readonly Field[],
  { names, positions }: Placeholders,
  declared: readonly UndeclaredParameter[],
): Binding[] {
  const expected = names.length > 0 ? names.length : positions
  if (fields.length !== expected) {
    const parameters = expected === 1 ? 'parameter' : 'parameters'
    const text = `The statement has ${expected} ${parameters}, and the request has ${fields.length}.`
    throw new GatewayError('BAD_REQUEST', text)
  }
  if (names.length === 0)
    return fields.map((field, i) => ({ field, name: undefined, expected: declared[i]?.parameterType }))
  const typeOf = (name: string) => declared.find((each) => isSame(each.name, name))?.parameterType
  const columns = names.map((name) => fields.find((field) => isSame(field.name.replace(/^[@:]/, ''), name)))
  const missing = columns.indexOf(undefined)
  if (missing >= 0 && !fields.every(isUnnamed)) {
    const text = `The statement has the parameter @${names[missing]}, and no column of the request has this name.`
    throw new GatewayError('BAD_REQUEST', text)
  }
  // Values are read in the order of the columns.
  return fields.map((field, i) => {
    const at = missing >= 0 ? i : columns.indexOf(field)
    const name = names[at]
    if (name === undefined)
      throw new GatewayError('BAD_REQUEST', `The request binds the column "${field.name}" that the statement lacks.`)
    return { field, name, expected: typeOf(name) }
  })
}

const isSame = (a: string | undefined, b: string) => a?.toLowerCase() === b.toLowerCase()

/** Whether a client gave a column no name of its own: none, or its number, as in `0`, `$1` and `parameter_1`. */
const isUnnamed = ({ name }: Field) => /^(?:\$?\d+|\?|p(?:aram(?:eter)?)?_?\d+|)$/i.test(name)

function refusalOf(error: unknown): unknown {
  if (!(error instanceof ArrowError)) return error
  if (error.code === 'UNSUPPORTED') return new GatewayError('UNSUPPORTED_TYPE', error.message, { cause: error })
  if (error.code === 'ROW_TOO_LARGE') return new GatewayError('TOO_LARGE', error.message, { cause: error })
  const text = `The parameters are not a valid Arrow IPC stream: ${error.message}`
  return new GatewayError('BAD_REQUEST', text, { cause: error })
}
