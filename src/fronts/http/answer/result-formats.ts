import type { Frame } from '../../../arrow/ipc/frame.ts'
import { GatewayError } from '../../../query/errors.ts'
import { acceptedType } from './accepted.ts'
import { ARROW_TYPE, ArrowBody } from './arrow-body.ts'
import type { ResultBody } from './result-body.ts'
import { CsvBody, JsonArrayBody, JsonObjectBody, NdjsonBody } from './text-bodies.ts'

/** Formats of a streamed result. */
export const streamFormats = ['json', 'ndjson', 'csv', 'arrow'] as const
export type StreamFormat = (typeof streamFormats)[number]

/** Media types by which clients ask for a format; the first of a format is its own. */
const formatsByType = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/ndjson': 'ndjson',
  'text/csv': 'csv',
  [ARROW_TYPE]: 'arrow',
} as const satisfies Record<string, StreamFormat>
const types = Object.keys(formatsByType) as readonly (keyof typeof formatsByType)[]

/** The format that an `accept` header prefers; JSON without one. @throws GatewayError NOT_ACCEPTABLE */
export function acceptedFormat(header: string | undefined): StreamFormat {
  const type = acceptedType(header, types)
  if (type === undefined)
    throw new GatewayError('NOT_ACCEPTABLE', `The answer can be ${types.join(', ')}; accept one of them.`)
  return formatsByType[type]
}

/** How a result is written. */
export interface ResultForm {
  readonly format: StreamFormat
  /** Whether JSON is an object with the columns and the number of rows, or only the array of rows. */
  readonly isObject: boolean
  readonly chunkRows: number
  readonly rowFormat: 'objects' | 'arrays'
  readonly numbers: 'exact' | 'text'
  readonly maxRowBytes: number
}

/** Creates the encoder of a result. @param schema first frame of the result @throws ArrowError */
export function resultBody(form: ResultForm, schema: Frame, requestId: string): ResultBody {
  switch (form.format) {
    case 'json':
      return form.isObject ? new JsonObjectBody(schema, form, requestId) : new JsonArrayBody(schema, form, requestId)
    case 'ndjson':
      return new NdjsonBody(schema, form, requestId)
    case 'csv':
      return new CsvBody(schema, form, requestId)
    case 'arrow':
      return new ArrowBody(schema)
  }
}
