import { z } from 'zod'
import { jsonAnswer } from './answers.ts'
import { count } from './figures.ts'
import { metricsSchema } from './metrics.ts'
import { columnsSchema, rowsSchema } from './rows.ts'

const queryResult = z
  .object({
    columns: columnsSchema,
    rows: rowsSchema,
    row_count: count('Number of rows.'),
    affected_rows: count(
      'Number of changed rows; absent for a statement that only reads, or if the source does not tell.',
    ).optional(),
    metrics: metricsSchema,
  })
  .meta({ id: 'QueryResult', description: 'The result of a statement. If it breaks off, the object stays unclosed.' })

const text = (about: string) => ({ schema: z.string().describe(about) })

/** The formats that both routes have, beside JSON. */
const streams = {
  'application/x-ndjson': text('One row a line. If the result breaks off, the last line is `{"error": {...}}`.'),
  'text/csv': text(
    'A header and one record a row (RFC 4180). If the result breaks off, the last record begins with `#error`.',
  ),
  'application/vnd.apache.arrow.stream': text(
    'An Arrow IPC stream. If the result breaks off, its end marker is missing.',
  ),
}

/** Documents the answers of `POST /api/v1/query`. */
export const queryAnswers = {
  200: {
    description: 'The result, in the format that `accept` prefers.',
    content: { ...jsonAnswer('', queryResult).content, ...streams },
  },
}

/** Documents the answers of `POST /api/v1/stream`. */
export const streamAnswers = {
  200: {
    description: 'The rows, in the format of the request.',
    content: { ...jsonAnswer('', rowsSchema).content, ...streams },
  },
}
