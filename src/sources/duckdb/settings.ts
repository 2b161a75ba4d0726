import { z } from 'zod'
import { optionalWholeNumber, wholeNumber } from '../../config/setting/value.ts'

const GIB = 2 ** 30

/** `sources.<name>` of kind `duckdb`. */
export const duckDbSettings = z.strictObject({
  kind: z.literal('duckdb').describe('The embedded DuckDB.'),
  path: z
    .string()
    .min(1)
    .default(':memory:')
    .describe('Database file, or `:memory:`. Several sources may share a file only if none of them changes it.'),
  sample: z
    .strictObject({
      tpch: z
        .number()
        .min(0.001)
        .max(100)
        .describe('Scale factor of generated TPC-H tables; 1 has six million rows of lineitem.'),
    })
    .optional()
    .describe('Sample tables made at start.'),
  init: z
    .array(z.string().min(1))
    .default([])
    .describe('Statements run once at start, before the sandbox closes: they alone may read files or change settings.'),
  writes: z
    .boolean()
    .default(false)
    .describe('Whether statements that change data are allowed, to principals with the role writer or admin.'),
  losslessTypes: z
    .boolean()
    .default(false)
    .describe(
      'Whether HUGEINT, UHUGEINT, UUID, BIT, TIMETZ, BIGNUM and JSON are sent as Arrow extension types, which keep every value and which few clients know. Without it integers come as decimals of 38 digits and the others as text. A call or a session may choose otherwise.',
    ),
  memoryLimitBytes: optionalWholeNumber(
    'Memory that DuckDB may use before it spills, single values of gigabytes (lists, texts) not counted; by default what the container or machine has beyond the needs of the process by its limits, at most 80 %, at least a third, divided between the sources that do not say.',
    { min: 64 << 20, max: 2 ** 50 },
  ),
  threads: optionalWholeNumber('Threads that DuckDB may use; by default one a core.', { min: 1, max: 1024 }),
  tempDirectory: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Where queries spill when memory runs out; by default `.tmp` in the working directory. DuckDB makes the folder itself, not those above it.',
    ),
  maxTempBytes: optionalWholeNumber('Space that spilling may take; by default 90 % of what is free.', {
    min: 1 << 20,
    max: 2 ** 50,
  }),
  statementTimeoutMs: optionalWholeNumber(
    'Time in which a statement must have run and been read; by default only the deadlines of calls end it.',
    { min: 1, max: 30 * 86_400_000 },
  ),
  maxStreams: wholeNumber('Statements that run or are being read at the same time; the others wait in line.', {
    min: 1,
    max: 1024,
    default: 16,
  }),
  batchRows: wholeNumber('Rows of a record batch.', { min: 1, max: 1 << 24, default: 262_144 }),
  batchBytes: wholeNumber('Bytes of a record batch.', { min: 65_536, max: GIB / 4, default: 2 << 20 }),
})

/** Settings of a `duckdb` source. */
export type DuckDbSettings = z.output<typeof duckDbSettings>

/** What the source itself uses of them. */
export type DuckDbConfig = Omit<DuckDbSettings, 'kind' | 'statementTimeoutMs'>
