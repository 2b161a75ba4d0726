import { z } from 'zod'
import { sourceCacheSchema } from '../../config/setting/source-cache.ts'
import { optionalWholeNumber, wholeNumber } from '../../config/setting/value.ts'

const GIB = 2 ** 30

/** `sources.<name>` of kind `duckdb`. */
export const duckDbSettings = z.strictObject({
  kind: z.literal('duckdb').describe('The embedded DuckDB.'),
  path: z
    .string()
    .min(1)
    .default(':memory:')
    .describe(
      'Database file, or `:memory:`. Several sources may share a file only if none of them has `writes`, `init` or `sample`.',
    ),
  sample: z
    .strictObject({
      tpch: z
        .number()
        .min(0.001)
        .max(100)
        .describe('Scale factor of generated TPC-H tables; 1 has six million rows of lineitem.'),
    })
    .optional()
    .describe('Sample tables created at start.'),
  init: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Statements that run once at start, before the sandbox closes. Only these may read files or change settings.',
    ),
  writes: z
    .boolean()
    .default(false)
    .describe('Allows statements that change data, for principals with the grant `write`.'),
  losslessTypes: z
    .boolean()
    .default(false)
    .describe(
      "Sends HUGEINT, UHUGEINT, UUID, BIT, TIMETZ, BIGNUM and JSON as Arrow extension types, and UNION as Arrow's union. These keep every value, but few clients know them. If off, integers come as decimals of 38 digits, a UNION as a struct of its members and the others as text. A call or a session can override this.",
    ),
  memoryLimitBytes: optionalWholeNumber(
    'Memory that DuckDB may use before it spills. Single values of gigabytes (lists, texts) do not count. By default the memory of the container or machine beyond what the limits let the process need, at most 80 % and at least a third of it, divided between the sources that set no limit.',
    { min: 64 << 20, max: 2 ** 50 },
  ),
  threads: optionalWholeNumber('Threads that DuckDB may use; by default one per core.', { min: 1, max: 1024 }),
  tempDirectory: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder to which queries spill when memory runs out; by default `.tmp` in the working directory. DuckDB creates the folder, but not its parents.',
    ),
  maxTempBytes: optionalWholeNumber('Disk space that spilling may take; by default 90 % of the free space.', {
    min: 1 << 20,
    max: 2 ** 50,
  }),
  cache: sourceCacheSchema.optional().describe('How the cache stores results of this source.'),
  statementTimeoutMs: optionalWholeNumber(
    'Time limit for a statement to run and be read. By default only the deadline of the call applies.',
    { min: 1, max: 30 * 86_400_000 },
  ),
  maxStreams: wholeNumber('Statements that run or are read at the same time; further statements wait in a queue.', {
    min: 1,
    max: 1024,
    default: 16,
  }),
  batchRows: wholeNumber('Rows of a record batch.', { min: 1, max: 1 << 24, default: 262_144 }),
  batchBytes: wholeNumber('Bytes of a record batch.', { min: 65_536, max: GIB / 4, default: 2 << 20 }),
})

/** Settings of a `duckdb` source. */
export type DuckDbSettings = z.output<typeof duckDbSettings>

/** The settings that the source itself uses. */
export type DuckDbConfig = Omit<DuckDbSettings, 'kind' | 'statementTimeoutMs'>
