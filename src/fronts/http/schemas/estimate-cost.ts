import { z } from 'zod'
import { listOf } from '../body/list-of.ts'
import { hasOneTextMeta, statementFields } from '../body/statement-body.ts'
import { MAX_STATEMENTS, namedStatementSchema } from './batch.ts'
import { estimateSchema } from './estimate.ts'
import { problemSchema } from './problem.ts'

/** Body of `POST /api/v1/estimate-cost`. */
export const estimateBody = z
  .strictObject({
    ...statementFields,
    queries: listOf(namedStatementSchema, MAX_STATEMENTS)
      .optional()
      .describe('Several statements in place of one: at most `limits.maxBatchStatements` (100 by default).'),
  })
  .superRefine(({ queries, ...fields }, context) => {
    const { query, table } = fields
    const isOne = Object.values(fields).some((field) => field !== undefined)
    if (queries !== undefined && isOne)
      context.addIssue({
        code: 'custom',
        path: ['queries'],
        message: 'give the fields of one statement, or queries, not both',
      })
    else if (queries === undefined && (query === undefined) === (table === undefined))
      context.addIssue({ code: 'custom', path: ['query'], message: 'give query, table or queries, one of them' })
  })
  .meta({
    // See hasOneTextMeta.
    if: { required: ['queries'] },
    else: hasOneTextMeta,
    not: { anyOf: Object.keys(statementFields).map((name) => ({ required: ['queries', name] })) },
    examples: [
      { query: 'SELECT count(*) FROM duckdb_types()' },
      {
        queries: [
          { id: 'a', query: 'SELECT 1' },
          { id: 'b', query: 'SELECT 2' },
        ],
      },
    ],
  })

const namedEstimateSchema = z
  .object({
    id: z.string().describe('Id of the statement.'),
    estimate: estimateSchema.nullable().describe('The estimate; null if the statement could not be planned.'),
    error: problemSchema.nullable().describe('Why there is no estimate; null if there is one.'),
  })
  .meta({ id: 'StatementEstimate', description: 'The estimate of one statement, or why there is none.' })

/** Answer of `POST /api/v1/estimate-cost` for `queries`. */
export const estimatesAnswer = z
  .object({
    results: z.array(namedEstimateSchema).describe('One answer for each statement, in the order of the request.'),
    total: estimateSchema.describe('The sum. A figure is null if it is null for any statement.'),
  })
  .meta({ id: 'Estimates', description: 'The estimates of several statements.' })

/** Answer of `POST /api/v1/estimate-cost`. */
export const estimateAnswer = z.union([estimateSchema, estimatesAnswer])
