import { z } from 'zod'
import { MAX_DIRECTIVES_CHARACTERS } from '../../../statements/cache/cache-directives.ts'
import {
  cacheKeyForm,
  cacheTagForm,
  KEY_RULE,
  MAX_TAGS,
  MAX_TTL_MS,
  TAG_RULE,
} from '../../../statements/cache/cache-wish.ts'
import { MAX_CAP_USD } from '../../../statements/cost-caps.ts'
import { engineText, isEngineText } from './engine-text.ts'
import { listOf } from './list-of.ts'

/** Each parameter is a column: more of them would take the event loop for too long. */
const MAX_PARAMETERS = 2000
const MAX_COLUMNS = 10_000

const tableScan = z
  .strictObject({
    name: engineText().describe(
      'Name with catalog and schema if needed, separated by dots; a part that contains a dot in double quotes or backticks.',
    ),
    columns: listOf(engineText(), MAX_COLUMNS, isEngineText).default([]).describe('Columns to read; by default all.'),
    filter: engineText(0).optional().describe("Condition in the source's dialect, as after WHERE."),
    limit: z.int().min(0).optional().describe('Largest number of rows; by default all.'),
  })
  .meta({ id: 'TableScan', description: 'A table to read.' })

const parameters = z
  .union([
    listOf(z.union([z.string(), z.number(), z.boolean(), z.null()]), MAX_PARAMETERS, isScalar),
    z.strictObject(
      { arrow: z.base64().describe('An Arrow IPC stream with one or more rows.') },
      {
        error: ({ code }) =>
          code === 'unrecognized_keys' ? 'there is no such field: give the values as an array, by position' : undefined,
      },
    ),
  ])
  .describe(
    'Values of the parameters by position, or `{"arrow": ...}` with rows as a base64 Arrow IPC stream. Send integers above 2^53 and decimals as text, dates and times as ISO 8601, binary values as base64.',
  )

/** The fields of a statement, for bodies that hold one beside other fields. */
export const statementFields = {
  query: engineText().optional().describe('SQL text. Give `query` or `table`.'),
  table: z
    .union([engineText(), tableScan])
    .optional()
    .describe('A table to read, by its name or with columns, filter and limit. Give `query` or `table`.'),
  data_source: engineText()
    .optional()
    .describe('Name or kind of the source. By default the source that the names in the statement belong to.'),
  parameters: parameters.optional(),
  max_cost_usd: z
    .number()
    .min(0)
    .max(MAX_CAP_USD)
    .optional()
    .describe('Most that the statement may cost, in US dollars. It lowers the limits of the configuration.'),
  max_bytes_billed: z
    .int()
    .min(0)
    .optional()
    .describe('Most bytes that the statement may bill. It lowers the limits of the configuration.'),
  cache_control: z
    .string()
    .max(MAX_DIRECTIVES_CHARACTERS)
    .optional()
    .meta({ examples: ['max-age=60'] })
    .describe(
      'Directives for the result cache, in place of those of the header `cache-control`: `no-cache`, `no-store`, `max-age=S`, `min-fresh=S`, `max-stale[=S]`, `only-if-cached`.',
    ),
  cache_key: z
    .string()
    .regex(cacheKeyForm, `must be ${KEY_RULE}`)
    .optional()
    .describe("Name of the entry in the result cache, in place of the statement's text."),
  cache_tags: listOf(z.string().regex(cacheTagForm, `must be ${TAG_RULE}`), MAX_TAGS)
    .optional()
    .describe('Names under which the entry in the result cache can be cleared.'),
  cache_ttl_ms: z
    .int()
    .min(1)
    .max(MAX_TTL_MS)
    .optional()
    .describe('Time to live of the rows in the result cache, in milliseconds; at most that of the configuration.'),
}

/** The fields of a statement, as a request has them. */
export type StatementFields = z.output<z.ZodObject<typeof statementFields>>

/**
 * Documents what `hasOneText` checks; for `meta` of its schema. With `oneOf`, generators of clients make a type of each branch, or
 * drop the body.
 */
export const hasOneTextMeta = {
  if: { required: ['table'] },
  else: { required: ['query'] },
  not: { required: ['query', 'table'] },
}

/** Checks that a statement has `query` or `table`, and not both. To be used with `superRefine`. */
export function hasOneText(
  { query, table }: Pick<StatementFields, 'query' | 'table'>,
  context: z.core.$RefinementCtx,
): void {
  if ((query === undefined) === (table === undefined))
    context.addIssue({ code: 'custom', path: ['query'], message: 'give query or table, one of them' })
}

/** A body with one statement. */
export const StatementBody = z
  .strictObject(statementFields)
  .superRefine(hasOneText)
  .meta({ id: 'Statement', examples: [{ query: 'SELECT 1 AS one' }, { table: 'lineitem', data_source: 'demo' }] })

/** JSON has no other numbers than those that zod takes, but for those that are too large. */
function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}

/** How results are written as text. */
export const rowOptionFields = {
  row_format: z
    .enum(['objects', 'arrays'])
    .default('objects')
    .describe('A row in JSON and NDJSON: an object by column name, or an array in the order of the columns.'),
  numbers: z
    .enum(['exact', 'text'])
    .default('exact')
    .describe(
      '`exact`: 64-bit integers and decimals are numbers where JSON readers keep them exactly, else text. `text`: always text.',
    ),
}

/** Shorter limits would measure the network and not the statement. */
const MIN_TIMEOUT_MS = 100
const MAX_TIMEOUT_MS = 2_147_483_647
const timeoutText = /^(?:([1-9]\d{2,8})(?:ms)?|([1-9]\d{0,5})s|([1-9]\d{0,3})m)$/
const timeoutMs = z.int().min(MIN_TIMEOUT_MS).max(MAX_TIMEOUT_MS)

/** The time limit of a request. */
export const timeoutFields = {
  timeout: z
    .union([
      timeoutMs,
      z.string().regex(timeoutText, 'must be a time of at least 100 ms, such as 500, "500ms" or "30s"'),
    ])
    .optional()
    .describe('Time limit for planning, running and reading: milliseconds, or text such as "500ms", "30s" or "5m".'),
  timeout_ms: timeoutMs.optional().describe('As `timeout`, in milliseconds.'),
}

/** The time limit in milliseconds; undefined if the request has none. */
export function timeoutMsOf({ timeout, timeout_ms }: z.output<z.ZodObject<typeof timeoutFields>>): number | undefined {
  if (typeof timeout !== 'string') return timeout ?? timeout_ms
  const [, ms, s, m] = timeoutText.exec(timeout)!
  return ms === undefined ? Number(s ?? 0) * 1000 + Number(m ?? 0) * 60_000 : Number(ms)
}
