import { z } from 'zod'
import { count, instant } from '../figures.ts'

const entrySchema = z
  .object({
    id: z.string().describe('Digest that names the entry in all processes.'),
    data_source: z.string().describe('Name of the source.'),
    principal: z
      .string()
      .describe('Principal whose statement filled it; others may read it if the source shares its results.'),
    query: z.string().describe('The first 500 characters of that statement.'),
    cache_key: z.string().nullable().describe('Name that the client gave it; null without one.'),
    cache_tags: z.array(z.string()).describe('Tags that the client gave it.'),
    rows: count('Rows.'),
    bytes: count('Memory in one process.'),
    hits: count('Statements that it has answered, in all processes.'),
    start_time: instant('When the statement began to run.'),
    fresh_until: instant('When its rows are no longer fresh, unless a change of the data comes first.'),
    copies: count('Processes that have it.'),
  })
  .meta({ id: 'CacheEntry', description: 'Rows in the result cache.' })

/** Answer of `GET /api/v1/cache/entries`. */
export const cacheEntriesAnswer = z
  .object({
    entries: z.array(entrySchema).describe('The entries in the order that the request asked for.'),
    partial: z.boolean().describe('Whether a process did not answer in time.'),
  })
  .meta({
    id: 'CacheEntries',
    description: 'The largest or the most used entries of the result cache, in all processes.',
  })

/** Query parameters of `GET /api/v1/cache/entries`. */
export const cacheEntriesParameters = z.strictObject({
  order: z
    .enum(['bytes', 'hits'])
    .default('bytes')
    .describe('`bytes`: the largest first. `hits`: those that answered most statements first.'),
  data_source: z.string().optional().describe('Name of the source; by default all.'),
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('Most entries to list.'),
})
