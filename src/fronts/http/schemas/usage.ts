import { z } from 'zod'
import { count, dollarsOrUnknown, instant, instantOrUnknown } from './figures.ts'

const quotaSchema = z
  .object({
    limit: count('The limit.'),
    remaining: count('What is left.'),
    reset_time: instantOrUnknown('When the full limit is there again; null if it is not bound to time.'),
  })
  .meta({ id: 'Quota', description: 'A limit of a principal and what is left of it.' })

const sourceUsageSchema = z
  .object({
    data_source: z.string().describe('Name of the source.'),
    statements: count('Statements that ended.'),
    failed: count('Statements that failed.'),
    rows: count('Rows of results.'),
    bytes: count('Arrow bytes of results.'),
    cost_usd: dollarsOrUnknown(
      'What its statements have cost since the start of the day in `budgets.timeZone`, in US dollars; null if the source bills nothing, or the ledger does not answer.',
    ),
  })
  .meta({
    id: 'SourceUsage',
    description: 'What a principal has used of one source since the start of the day in UTC.',
  })

/** Answer of `GET /api/v1/usage`. */
export const usageAnswer = z
  .object({
    principal: z.string().describe('Name of the principal.'),
    since: instant('Start of the day in UTC.'),
    sources: z.array(sourceUsageSchema).describe('What the principal has used of each source.'),
    requests_per_minute: quotaSchema.nullable().describe('Requests per minute; null without a limit.'),
    concurrent_statements: quotaSchema.nullable().describe('Statements at the same time; null without a limit.'),
    bytes_per_day: quotaSchema.nullable().describe('Bytes of results per day; null without a limit.'),
  })
  .meta({
    id: 'Usage',
    description: 'What a principal has used today, and its limits.',
    examples: [
      {
        principal: 'dash',
        since: '2026-11-28T00:00:00.000Z',
        sources: [{ data_source: 'demo', statements: 42, failed: 1, rows: 120_000, bytes: 9_600_000, cost_usd: null }],
        requests_per_minute: { limit: 600, remaining: 598, reset_time: '2026-11-28T09:01:00.000Z' },
        concurrent_statements: null,
        bytes_per_day: null,
      },
    ],
  })

/** Query parameters of `GET /api/v1/usage`. */
export const usageParameters = z.strictObject({
  principal: z
    .string()
    .optional()
    .describe('Name of the principal, for callers with the grant `operate`; by default the caller.'),
})
