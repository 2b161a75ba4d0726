import { z } from 'zod'
import { hasOneText, hasOneTextMeta, rowOptionFields, statementFields, timeoutFields } from '../body/statement-body.ts'

/** The body of `POST /api/v1/stream/sse`. @param settings defaults and limits */
export function eventsBody({ chunkRows, maxChunkRows }: { readonly chunkRows: number; readonly maxChunkRows: number }) {
  return z
    .strictObject({
      ...statementFields,
      ...rowOptionFields,
      ...timeoutFields,
      chunk_size: z
        .int()
        .min(1)
        .max(maxChunkRows)
        .default(Math.min(chunkRows, maxChunkRows))
        .describe('Most rows of one event.'),
    })
    .superRefine(hasOneText)
    .meta({ ...hasOneTextMeta, examples: [{ query: 'SELECT range AS i FROM range(3)', chunk_size: 1000 }] })
}

export type EventsBody = z.output<ReturnType<typeof eventsBody>>

/** An event of `POST /api/v1/stream/sse`. */
export const eventSchema = z
  .object({
    event: z.enum(['schema', 'rows', 'progress', 'end', 'error']).describe('Name of the event.'),
    id: z.string().describe('Request id and number of the event.'),
    data: z
      .string()
      .meta({ contentMediaType: 'application/json' })
      .describe(
        'JSON. `schema`: an object with `columns`. `rows`: an array. `progress`: `rows`, `bytes`, `percent` (null if unknown) and `elapsed_ms`. `end`: `row_count`, `affected_rows`, `query_id` and `metrics`. `error`: a problem.',
      ),
  })
  .meta({ id: 'ResultEvent', description: 'A server-sent event of a result.' })
