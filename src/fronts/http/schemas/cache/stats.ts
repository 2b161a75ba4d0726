import { z } from 'zod'
import { cacheKeyForm, cacheTagForm, KEY_RULE, TAG_RULE } from '../../../../statements/cache/cache-wish.ts'
import { count } from '../figures.ts'

const sourceSchema = z
  .object({
    data_source: z.string().describe('Name of the source.'),
    entries: count('Entries that the cache has now.'),
    bytes: count('Their bytes.'),
    hits: count('Statements that got fresh rows of the cache.'),
    stale_hits: count('Statements that got stale rows of the cache.'),
    misses: count('Statements that ran, because the cache had no rows for them.'),
    bypasses: count('Statements that ran, because the cache did not apply to them.'),
    collapsed: count('Statements that got the rows of another one that was under way.'),
  })
  .meta({
    id: 'SourceCache',
    description: 'What the result cache did for the statements of one source since the process began.',
  })

/** Answer of `GET /api/v1/cache`. */
export const cacheAnswer = z
  .object({
    entries: count('Entries that the cache has now.'),
    bytes: count('Their bytes.'),
    max_bytes: count('Most bytes that they may have; 0 if the cache is off.'),
    data_sources: z.array(sourceSchema).describe('By source, in the order of the configuration.'),
    evictions: z
      .object({
        size: count('Others needed the memory.'),
        expired: count('Their time was over.'),
        changed: count('A statement changed their tables.'),
        cleared: count('An operator cleared them.'),
      })
      .describe('Entries that left the cache, by reason.'),
    revalidations: z
      .object({ succeeded: count('Those that succeeded.'), failed: count('Those that failed.') })
      .describe('Statements that ran again in the background because their rows were stale.'),
    plans: z
      .object({
        entries: count('Plans that it has now.'),
        hits: count('Statements that it planned without the engine.'),
        misses: count('Statements that the engine planned.'),
      })
      .describe('The cache of plans.'),
    shared: z
      .object({
        up: z.boolean().describe('Whether it answers.'),
        hits: count('Results that were found there.'),
        misses: count('Results that were not found there.'),
        stored: count('Results that were stored there.'),
        errors: count('Calls that failed.'),
        corrupt: count('Results that failed their checksum.'),
      })
      .nullable()
      .describe('The level of the cache that replicas share; null if there is none.'),
  })
  .meta({
    id: 'Cache',
    description: 'The state of the result cache of the replica that answers.',
    examples: [
      {
        entries: 2,
        bytes: 81_920,
        max_bytes: 268_435_456,
        data_sources: [
          {
            data_source: 'demo',
            entries: 2,
            bytes: 81_920,
            hits: 40,
            stale_hits: 1,
            misses: 2,
            bypasses: 3,
            collapsed: 5,
          },
        ],
        evictions: { size: 0, expired: 1, changed: 0, cleared: 0 },
        revalidations: { succeeded: 1, failed: 0 },
        plans: { entries: 2, hits: 12, misses: 2 },
        shared: null,
      },
    ],
  })

/** Query parameters of `DELETE /api/v1/cache`. */
export const clearParameters = z.strictObject({
  data_source: z.string().optional().describe('Entries of one source.'),
  tag: z.string().regex(cacheTagForm, `must be ${TAG_RULE}`).optional().describe('Entries with a tag.'),
  key: z
    .string()
    .regex(cacheKeyForm, `must be ${KEY_RULE}`)
    .optional()
    .describe('Entries that clients gave this name.'),
  principal: z.string().optional().describe('Entries of the statements of one principal.'),
})

/** Answer of `DELETE /api/v1/cache`. */
export const clearAnswer = z
  .object({ cleared: count('Number of entries that the replica that answers had.') })
  .meta({ id: 'ClearedCache', description: 'What was cleared.', examples: [{ cleared: 3 }] })
