import { z } from 'zod'
import { count, dollarsOrUnknown, instant } from './figures.ts'

const runningQuerySchema = z
  .object({
    id: z.string().describe('Id, for `DELETE /api/v1/queries/{id}`.'),
    principal: z.string().describe('Name of the principal.'),
    data_source: z.string().describe('Name of the source.'),
    query: z.string().describe('The first 2,000 characters of the text.'),
    state: z
      .enum(['queued', 'running'])
      .describe(
        '`queued`: it waits for a slot or for its transaction. `running`: the source works on it, or its result is being read.',
      ),
    start_time: instant('When it began to wait or run.'),
    rows: count('Rows of the result that the client has read so far.'),
    bytes: count('Arrow bytes of the result that the client has read so far.'),
    estimated_cost_usd: dollarsOrUnknown(
      'What it was expected to cost when it began, in US dollars; null if the source does not bill or cannot tell.',
    ),
    request_id: z.string().describe('Id of the request in the log.'),
  })
  .meta({ id: 'RunningQuery', description: 'A statement that waits or runs.' })

/** Answer of `GET /api/v1/queries`. */
export const runningQueriesAnswer = z
  .object({
    queries: z.array(runningQuerySchema).describe('The statements of all replicas, the oldest first.'),
    partial: z
      .boolean()
      .describe('Whether statements are missing, since a replica did not answer in time or has too many.'),
  })
  .meta({
    id: 'RunningQueries',
    description: 'The statements that wait or run.',
    examples: [
      {
        queries: [
          {
            id: '01JDQ3M6W0',
            principal: 'dash',
            data_source: 'demo',
            query: 'SELECT * FROM lineitem',
            state: 'running',
            start_time: '2026-11-28T09:00:00.000Z',
            rows: 2048,
            bytes: 262_144,
            estimated_cost_usd: null,
            request_id: '7d9f3c52',
          },
        ],
        partial: false,
      },
    ],
  })

/** Query parameters of `GET /api/v1/queries`. */
export const runningQueriesParameters = z.strictObject({
  data_source: z.string().optional().describe('Name of the source; by default all.'),
  principal: z
    .string()
    .optional()
    .describe('Name of the principal, for callers with the grant `operate`; by default all that the caller may see.'),
})
