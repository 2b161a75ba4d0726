import { z } from 'zod'
import { count, instant } from '../figures.ts'

const numbers = (about: string) => z.array(z.number().min(0).nullable()).describe(about)

const sourceSeriesSchema = z
  .object({
    name: z.string().describe('Name of the source.'),
    up: z
      .array(z.boolean().nullable())
      .describe('Whether the health checks succeeded; false if any process saw a failure.'),
    breaker: z
      .array(z.enum(['closed', 'half_open', 'open']).nullable())
      .describe('Worst circuit breaker of its servers; null for an embedded engine.'),
    connections: numbers('Pooled connections that were open.'),
    busy_connections: numbers('Pooled connections that carried a call.'),
    max_connections: numbers('Largest number of connections.'),
    waiting: numbers('Calls that waited for a connection.'),
    slots: numbers('Statements that could run at the same time.'),
    slots_used: numbers('Statements that ran or were read.'),
    queued: numbers('Statements that waited for a slot.'),
    statements: numbers('Statements that ended, also those that could not be planned.'),
    failed: numbers('Those of them that ended with an error other than CANCELLED.'),
    rows: numbers('Rows handed to clients.'),
    bytes: numbers('Arrow bytes handed to clients.'),
    cache_hits: numbers('Statements that got fresh rows of the cache.'),
    cache_stale_hits: numbers('Statements that got stale rows of the cache.'),
    cache_misses: numbers('Statements that ran, because the cache had no rows for them.'),
    cache_bypasses: numbers('Statements that ran, because the cache did not apply to them.'),
  })
  .meta({ id: 'SourceHistory', description: 'The last hour of a source: each array has a value for each step.' })

const spanFields = {
  start_time: instant('When the first step began.'),
  step_seconds: count('Length of a step. Value i of an array is of the step that began i steps after `start_time`.'),
  processes: count('Processes whose values are in it.'),
  partial: z.boolean().describe('Whether a process did not answer in time.'),
}

const about =
  'A gauge has the highest value of the step, a count the sum of it; the values of all processes are added up. A value is null where nothing is known.'

/** Answer of `GET /api/v1/sources/{name}/history`. */
export const sourceHistoryAnswer = z
  .object({ ...spanFields, data_source: sourceSeriesSchema })
  .meta({ id: 'HistoryOfSource', description: `The last hour of one source. ${about}` })

/** Answer of `GET /api/v1/history`. */
export const historyAnswer = z
  .object({
    ...spanFields,
    data_sources: z.array(sourceSeriesSchema).describe('The sources, in the order of the configuration.'),
    process: z
      .object({
        event_loop_ms: numbers('Longest delay of the event loop in milliseconds; of the worst process.'),
        rss_bytes: numbers('Resident memory.'),
        cache_bytes: numbers('Memory of the result cache.'),
        cache_entries: numbers('Entries of the result cache.'),
      })
      .describe('The processes of the gateway.'),
  })
  .meta({ id: 'History', description: `The last hour of the gateway. ${about}` })

/** Query parameters of the routes of the history. */
export const historyParameters = z.strictObject({
  step_seconds: z
    .enum(['10', '30', '60', '300'])
    .default('30')
    .transform(Number)
    .describe('Length of a step in seconds; the gateway takes a sample each 10 s.'),
})
