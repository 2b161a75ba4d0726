import { z } from 'zod'
import type { CacheOutcome } from '../../../../query/cache/cache-outcome.ts'
import { cacheStatus } from '../../../../statements/cache/cache-headers.ts'
import { millisecondsOrUnknown } from '../figures.ts'

/** What the result cache did for a statement, in answers. */
export const cacheOutcomeSchema = z
  .object({
    result: z
      .enum(['HIT', 'MISS', 'STALE', 'BYPASS'])
      .describe(
        '`HIT`: fresh rows of the cache. `STALE`: stale rows of the cache. `MISS`: the statement ran. `BYPASS`: the statement ran, because the cache does not apply to it.',
      ),
    status: z.string().describe('The same as a member of the header `cache-status` (RFC 9211).'),
    age_ms: millisecondsOrUnknown('Age of rows from the cache.'),
    ttl_ms: z
      .number()
      .nullable()
      .describe('Time for which the rows are still fresh; negative for stale ones, null if they are not cached.'),
    collapsed: z.boolean().describe('Whether the rows came from the run of another statement that was under way.'),
    stored: z.boolean().describe('Whether the rows of this run go into the cache, unless they turn out too large.'),
    shared: z.boolean().describe('Whether the rows came from the level of the cache that replicas share.'),
    detail: z.string().nullable().describe('Why the cache did not apply, such as `volatile-function`; else null.'),
  })
  .meta({ id: 'CacheOutcome', description: 'What the result cache did for a statement. Times are in milliseconds.' })

/** What the result cache did for a statement, as JSON. */
export function cacheOutcomeJson(outcome: CacheOutcome): z.input<typeof cacheOutcomeSchema> {
  const { result, ageMs, ttlMs, isCollapsed = false, isStored = false, level, detail } = outcome
  return {
    result,
    status: cacheStatus(outcome),
    age_ms: ageMs === undefined ? null : Math.round(ageMs),
    ttl_ms: ttlMs === undefined ? null : Math.round(ttlMs),
    collapsed: isCollapsed,
    stored: isStored,
    shared: level === 'shared',
    detail: detail ?? null,
  }
}
