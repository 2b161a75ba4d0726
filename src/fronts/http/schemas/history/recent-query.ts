import { z } from 'zod'
import { DEFAULT_LISTED, MAX_LISTED } from '../../../../query/control/recent-statements.ts'
import { count, countOrUnknown, dollarsOrUnknown, instant, milliseconds, millisecondsOrUnknown } from '../figures.ts'

const recentQuerySchema = z
  .object({
    id: z.string().describe('Id of the statement in the log.'),
    principal: z.string().describe('Name of the principal.'),
    data_source: z.string().describe('Name of the source.'),
    query: z.string().describe('The first 2,000 characters of the text.'),
    outcome: z.string().describe('`OK`, or the code of the error that the client got.'),
    message: z.string().nullable().describe('What went wrong, up to 500 characters; null if nothing did.'),
    front: z.string().nullable().describe('Front that received it: `flight`, `gateway` or `http`.'),
    start_time: instant('When it began to wait or run, or to be planned if that failed.'),
    end_time: instant('When it ended.'),
    duration_ms: milliseconds('Sum of the four times below.'),
    plan_ms: millisecondsOrUnknown(
      'Time to plan it, which may have been in an earlier call; null if it was not planned, as an upload of rows.',
    ),
    queue_ms: millisecondsOrUnknown('Time that it waited for a slot; null if it needed none, as a cache hit.'),
    first_byte_ms: millisecondsOrUnknown(
      'Time from then to the first batch of rows, or to the end without rows; null if it never ran.',
    ),
    stream_ms: millisecondsOrUnknown(
      'Time from the first batch until the client had read all; null if it got no batch.',
    ),
    rows: count('Rows that the client has read.'),
    bytes: count('Arrow bytes that the client has read.'),
    billed_bytes: countOrUnknown('Bytes that the engine billed; null if it has not told, or does not bill.'),
    cost_usd: dollarsOrUnknown('Price in US dollars; null if the source has none or has not told it.'),
    cache: z
      .enum(['HIT', 'STALE', 'MISS', 'BYPASS'])
      .nullable()
      .describe('What the result cache did; null if it is off or the statement did not get there.'),
    shared: z.boolean().describe('Whether the rows came from another statement or a cache.'),
    request_id: z.string().describe('Id of the request in the log.'),
  })
  .meta({ id: 'RecentQuery', description: 'A statement that has ended, or that could not be planned.' })

/** Answer of `GET /api/v1/queries/recent`. */
export const recentQueriesAnswer = z
  .object({
    queries: z.array(recentQuerySchema).describe('The statements of all replicas; the one that ended last first.'),
    partial: z
      .boolean()
      .describe('Whether statements are missing, since a replica did not answer in time or has too much text.'),
  })
  .meta({
    id: 'RecentQueries',
    description: 'The statements that ended last.',
    examples: [
      {
        queries: [
          {
            id: '4f0c1d2e3a5b-7',
            principal: 'dash',
            data_source: 'demo',
            query: 'SELECT * FROM lineitem',
            outcome: 'OK',
            message: null,
            front: 'flight',
            start_time: '2026-11-28T09:00:00.000Z',
            end_time: '2026-11-28T09:00:00.140Z',
            duration_ms: 143.2,
            plan_ms: 3.1,
            queue_ms: 0.1,
            first_byte_ms: 12.5,
            stream_ms: 127.5,
            rows: 600_572,
            bytes: 73_400_320,
            billed_bytes: null,
            cost_usd: null,
            cache: 'MISS' as const,
            shared: false,
            request_id: '7d9f3c52',
          },
        ],
        partial: false,
      },
    ],
  })

/** Query parameters of `GET /api/v1/queries/recent`. */
export const recentQueriesParameters = z.strictObject({
  data_source: z.string().optional().describe('Name of the source; by default all.'),
  principal: z
    .string()
    .optional()
    .describe('Name of the principal, for callers with the grant `operate`; by default all that the caller may see.'),
  outcome: z
    .string()
    .optional()
    .describe('`OK`, the code of an error, or `FAILED` for each outcome but `OK`; by default all.'),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(DEFAULT_LISTED).describe('Most statements to list.'),
})
