import { z } from 'zod'
import { hasOneText, rowOptionFields, statementFields, timeoutFields } from '../body/statement-body.ts'

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
    .meta({ examples: [{ query: 'SELECT range AS i FROM range(2500)', chunk_size: 1000 }] })
}

export type EventsBody = z.output<ReturnType<typeof eventsBody>>
