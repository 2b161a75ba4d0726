import { z } from 'zod'
import { optionalWholeNumber } from './value.ts'

const DAY_MS = 86_400_000

/** Schema of `sources.<name>.cache`. */
export const sourceCacheSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Whether results of this source are stored, and shared by statements that run at the same time.'),
  scope: z
    .enum(['principal', 'shared'])
    .default('principal')
    .describe(
      '`principal`: each principal has its own results. `shared`: all have the same ones; only for engines whose rows do not depend on who asks the gateway.',
    ),
  functions: z
    .array(
      z
        .string()
        .regex(
          /^[\p{L}_][\p{L}\p{N}_$]*(\.[\p{L}_][\p{L}\p{N}_$]*)*$/u,
          'must be the name of a function, such as my_udf',
        ),
    )
    .max(1000)
    .optional()
    .describe(
      'Names of functions that the gateway does not know (`unknown-function`), but that return the same for the same arguments and change nothing, such as those that users have defined. `my_udf` stands for those of all schemas.',
    ),
  ttlMs: optionalWholeNumber('`cache.ttlMs` of this source.', { min: 0, max: 30 * DAY_MS }),
  staleWhileRevalidateMs: optionalWholeNumber('`cache.staleWhileRevalidateMs` of this source.', {
    min: 0,
    max: DAY_MS,
  }),
  staleIfErrorMs: optionalWholeNumber('`cache.staleIfErrorMs` of this source.', { min: 0, max: 30 * DAY_MS }),
})

/** How results of a source are stored. */
export type SourceCacheSettings = Readonly<z.output<typeof sourceCacheSchema>>
