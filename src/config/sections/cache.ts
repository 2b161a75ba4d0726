import { z } from 'zod'
import { availableMemory } from '../setting/available-memory.ts'
import { optionalWholeNumber, wholeNumber } from '../setting/value.ts'

const DAY_MS = 86_400_000
const MIB = 1 << 20

/** Schema of `cache`. */
export const cacheSchema = z
  .strictObject({
    maxBytes: optionalWholeNumber(
      'Memory for results, in each process. The least recently used ones leave. 0 disables the cache. By default 256 MiB, or an eighth of the memory if that is less.',
      { min: 0, max: 2 ** 40 },
    ),
    maxEntryBytes: wholeNumber('Largest result that is stored.', { min: 1024, max: 2 ** 32, default: 32 * MIB }),
    spillBytes: wholeNumber(
      'Largest size of the temporary file for rows that slow clients lack of a result that several clients read at the same time, in each process. When it is full, the slowest client ends with FELL_BEHIND.',
      { min: 0, max: 2 ** 50, default: 1024 * MIB },
    ),
    spillDirectory: z
      .string()
      .min(1)
      .optional()
      .describe("Directory of that file; by default the system's temporary directory."),
    ttlMs: wholeNumber('How long a result is fresh.', { min: 0, max: 30 * DAY_MS, default: 300_000 }),
    staleWhileRevalidateMs: wholeNumber(
      'How long an older result is still served, once it is no longer fresh or a statement of another principal has changed its tables. The first such read runs the statement again in the background. The principal that changed a table never reads older rows of it. With 0, nothing stale is served.',
      { min: 0, max: DAY_MS, default: 60_000 },
    ),
    staleIfErrorMs: wholeNumber(
      'How long a result that is no longer fresh is served instead of a retryable error of the source. 0 serves the error.',
      { min: 0, max: 30 * DAY_MS, default: 0 },
    ),
    planTtlMs: wholeNumber(
      'How long the gateway reuses the schema and the estimate of a statement, so that a repeated prepare asks no engine. 0 plans each time.',
      { min: 0, max: DAY_MS, default: 30_000 },
    ),
    shared: z
      .strictObject({
        enabled: z
          .boolean()
          .default(true)
          .describe(
            'Whether results go to Redis too, where all replicas and workers find them, and whether they run a statement once for all. Needs `redis`.',
          ),
        commandTimeoutMs: wholeNumber(
          'Longest wait for Redis, at most `redis.commandTimeoutMs`; rows have four times as long. Then the gateway goes on without it for two seconds.',
          { min: 10, max: 10_000, default: 250 },
        ),
      })
      .prefault({}),
  })
  .transform((cache) => ({
    ...cache,
    maxBytes: cache.maxBytes ?? Math.min(256 * MIB, Math.floor(availableMemory() / 8)),
  }))

/** Settings of the result cache. */
export type CacheSettings = Readonly<z.output<typeof cacheSchema>>
