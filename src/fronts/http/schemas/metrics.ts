import { z } from 'zod'
import type { StatementMetrics } from '../../../statements/requests/statement-meter.ts'
import { cacheOutcomeJson, cacheOutcomeSchema } from './cache/outcome.ts'
import { count, countOrUnknown, dollarsOrUnknown, milliseconds, millisecondsOrUnknown } from './figures.ts'

/** What a statement took, in answers. */
export const metricsSchema = z
  .object({
    data_source: z.string().nullable().describe('Name of the source; null if the statement found none.'),
    queued_ms: millisecondsOrUnknown(
      'Time that the statement waited for its turn and for a slot; null if it never began.',
    ),
    planned_ms: millisecondsOrUnknown('Time that planning took; null if the statement was not planned.'),
    first_byte_ms: millisecondsOrUnknown(
      'Time from the start of the statement to its first rows; null if there were none.',
    ),
    total_ms: milliseconds('Time from the start of the statement to its end.'),
    rows: count('Rows of the result.'),
    bytes: count('Arrow bytes of the result.'),
    cost_usd: dollarsOrUnknown('Price in US dollars; null if the source has none or does not tell.'),
    billed_bytes: countOrUnknown('Bytes that the engine billed; null if it bills none or does not tell.'),
    cache_hit: z.boolean().describe('Whether the rows came from another statement or a cache instead of the source.'),
    cache: cacheOutcomeSchema
      .nullable()
      .describe('What the result cache did; null if it is off, or the statement did not run.'),
  })
  .meta({
    id: 'StatementMetrics',
    description: 'What a statement took. Times are in milliseconds.',
    examples: [
      {
        data_source: 'demo',
        queued_ms: 0.02,
        planned_ms: 0.8,
        first_byte_ms: 2.1,
        total_ms: 2.4,
        rows: 1,
        bytes: 384,
        cost_usd: null,
        billed_bytes: null,
        cache_hit: false,
        cache: {
          result: 'MISS',
          status: 'flightgate; fwd=miss; stored',
          age_ms: null,
          ttl_ms: null,
          collapsed: false,
          stored: true,
          shared: false,
          detail: null,
        },
      },
    ],
  })

/** What a statement took, as JSON. */
export function metricsJson(metrics: StatementMetrics): z.input<typeof metricsSchema> {
  const { source, queuedMs, plannedMs, firstByteMs, totalMs, rows, bytes } = metrics
  const { costUsd, billedBytes, isCacheHit, cache } = metrics
  return {
    data_source: source === '' ? null : source,
    queued_ms: queuedMs === undefined ? null : inMicroseconds(queuedMs),
    planned_ms: plannedMs === undefined ? null : inMicroseconds(plannedMs),
    first_byte_ms: firstByteMs === undefined ? null : inMicroseconds(firstByteMs),
    total_ms: inMicroseconds(totalMs),
    rows,
    bytes,
    cost_usd: costUsd ?? null,
    billed_bytes: billedBytes ?? null,
    cache_hit: isCacheHit,
    cache: cache ? cacheOutcomeJson(cache) : null,
  }
}

/** Drops the digits below a microsecond. */
function inMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
