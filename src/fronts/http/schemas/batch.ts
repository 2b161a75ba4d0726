import { z } from 'zod'
import { MAX_ID_CHARACTERS } from '../../../statements/batch/batch-bounds.ts'
import { listOf } from '../body/list-of.ts'
import { hasOneText, hasOneTextMeta, rowOptionFields, statementFields, timeoutFields } from '../body/statement-body.ts'
import { count, countOrUnknown, dollarsOrUnknown, milliseconds } from './figures.ts'
import { metricsSchema } from './metrics.ts'
import { problemSchema } from './problem.ts'
import { columnsSchema, rowsSchema } from './rows.ts'

/** The largest value of `limits.maxBatchStatements`. */
export const MAX_STATEMENTS = 1000

/** A statement with an id, in bodies. */
export const namedStatementSchema = z
  .strictObject({
    id: z
      .string()
      .max(MAX_ID_CHARACTERS)
      .optional()
      .describe('Names the statement in the answer; unique within the batch. By default its position, from "0".'),
    ...statementFields,
  })
  .superRefine(hasOneText)
  .meta({ ...hasOneTextMeta, id: 'BatchStatement', description: 'A statement of a batch.' })

const optionsSchema = z
  .strictObject({
    max_concurrency: z
      .int()
      .min(0)
      .optional()
      .describe('Number of statements that run at the same time: by default 5, at most 20.'),
    ...timeoutFields,
    stop_on_error: z
      .boolean()
      .optional()
      .describe(
        'Whether the first failure cancels the statements that run and skips those that wait; by default false.',
      ),
    ...rowOptionFields,
  })
  .describe('Bounds of the batch, and how its rows are written.')

/** Body of `POST /api/v1/batch` and `POST /api/v1/batch/stream`. */
export const batchBody = z
  .strictObject({
    queries: listOf(namedStatementSchema, MAX_STATEMENTS)
      .meta({ minItems: 1 })
      .describe('The statements: at least 1, at most `limits.maxBatchStatements` (100 by default).'),
    options: optionsSchema.optional(),
  })
  .meta({
    examples: [
      {
        queries: [
          { id: 'answer', query: 'SELECT 6 * 7 AS answer' },
          { id: 'sizes', query: 'SELECT x, x * x AS square FROM range(3) AS numbers(x)' },
        ],
        options: { max_concurrency: 5, timeout: '30s', stop_on_error: false },
      },
    ],
  })

export type BatchBody = z.output<typeof batchBody>
export type NamedStatement = z.output<typeof namedStatementSchema>

const outcomeFields = {
  id: z.string().describe('Id of the statement.'),
  status: z
    .enum(['succeeded', 'failed', 'skipped', 'cancelled'])
    .describe(
      '`skipped`: it never began, because another one had failed or the time was over. `cancelled`: it had begun and was cancelled.',
    ),
  row_count: countOrUnknown('Number of rows; null if the statement did not succeed.'),
  affected_rows: countOrUnknown(
    'Number of changed rows; null for a statement that only reads, or if the source does not tell.',
  ),
  error: problemSchema.nullable().describe('Why the statement did not succeed; null if it did.'),
  query_id: z
    .string()
    .nullable()
    .describe('Id of the statement in the log and in `GET /api/v1/queries`; null if it never began.'),
  metrics: metricsSchema.describe('What the statement took.'),
}

/** The end of one statement in a streamed batch. */
export const outcomeSchema = z
  .object(outcomeFields)
  .meta({ id: 'StatementOutcome', description: 'How one statement of a streamed batch ended.' })

/** The end of a batch. */
export const summarySchema = z
  .object({
    statements: count('Number of statements.'),
    succeeded: count('Number of statements that succeeded.'),
    failed: count('Number of statements that failed.'),
    skipped: count('Number of statements that never began.'),
    cancelled: count('Number of statements that were cancelled.'),
    total_ms: milliseconds('Time from the start of the batch to its end, in milliseconds.'),
    rows: count('Rows of all results.'),
    bytes: count('Arrow bytes of all results.'),
    cost_usd: dollarsOrUnknown('Price in US dollars; null if it is unknown for any statement that ran.'),
    cache_hits: count('Number of statements whose rows came from another statement or a cache.'),
  })
  .meta({ id: 'BatchSummary', description: 'How a batch ended.' })

const resultSchema = z
  .object({
    ...outcomeFields,
    columns: columnsSchema.nullable().describe('Columns of the result; null if the statement did not succeed.'),
    rows: rowsSchema.nullable().describe('Rows of the result; null if the statement did not succeed.'),
  })
  .meta({ id: 'BatchResult', description: 'The result of one statement of a batch, or why there is none.' })

/** Answer of `POST /api/v1/batch`. */
export const batchAnswer = z
  .object({
    results: z.array(resultSchema).describe('One answer for each statement, in the order of the request.'),
    summary: summarySchema,
  })
  .meta({ id: 'Batch', description: 'The results of a batch.' })

/** A line, or the data of an event, of `POST /api/v1/batch/stream`. */
export const batchLine = z
  .union([
    z
      .object({ id: z.string(), columns: columnsSchema })
      .meta({ id: 'BatchLineColumns', description: 'The result of a statement begins.' }),
    z.object({ id: z.string(), rows: rowsSchema }).meta({ id: 'BatchLineRows', description: 'Rows of a statement.' }),
    outcomeSchema,
    z
      .object({ summary: summarySchema })
      .meta({ id: 'BatchLineSummary', description: 'The batch has ended: the last line.' }),
  ])
  .meta({ id: 'BatchLine', description: 'One line of a streamed batch.' })

/** An event of `POST /api/v1/batch/stream`. */
export const batchEvent = z
  .object({
    event: z.enum(['schema', 'rows', 'statement', 'summary', 'error']).describe('Name of the event.'),
    id: z.string().describe('Request id and number of the event.'),
    data: z
      .string()
      .meta({ contentMediaType: 'application/json' })
      .describe('The line of NDJSON as JSON; for `error` a problem.'),
  })
  .meta({ id: 'BatchEvent', description: 'A server-sent event of a streamed batch.' })
