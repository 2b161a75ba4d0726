import { z } from 'zod'
import type { SourceKinds, SourceSettings } from '../sources/kind.ts'
import { sourceKinds } from '../sources/kinds.ts'
import { authSchema } from './auth.ts'
import { limitsSchema } from './limits.ts'
import { listenSchema, tlsSchema } from './listen.ts'
import { wholeNumber } from './setting/value.ts'

const sourceName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'must begin with a letter and hold up to 63 letters, digits, - or _')

/** What serves when no source is configured. */
const demo = { demo: { kind: 'duckdb', path: ':memory:', sample: { tpch: 0.1 } } } as const

/** Settings of a source, by what its kind has. */
function sourceSettings(kinds: SourceKinds) {
  const [first, ...others] = Object.values(kinds).map(({ schema }) => schema)
  // Callers know only what the settings of all kinds have in common.
  return z.discriminatedUnion('kind', [first!, ...others]) as unknown as z.ZodType<SourceSettings, { kind: string }>
}

/** Every setting: its unit in its name, its default, its range and a sentence. `docs/configuration.md` is made from it. */
export const configSchemaOf = (kinds: SourceKinds) =>
  z.strictObject({
    listen: listenSchema.prefault({}).describe('Where the gateway listens.'),
    tls: tlsSchema,
    auth: authSchema.prefault({}).describe('Who may call.'),
    sources: z
      .record(sourceName, sourceSettings(kinds))
      .prefault(demo)
      .describe('The engines, by name. By default `demo`: DuckDB in memory with TPC-H sample tables at scale 0.1.'),
    defaultSource: z.string().optional().describe('Source of calls that name none; needed when there are several.'),
    limits: limitsSchema.prefault({}).describe('Bounds of connections, messages, memory and time.'),
    drain: z
      .strictObject({
        notReadyMs: wholeNumber(
          'Time after SIGTERM in which `/readyz` says 503 already and everything is still served, for the load balancer to notice: at least the interval of its checks. Left out on SIGINT, and when no client is connected.',
          { min: 0, max: 600_000, default: 5000 },
        ),
        graceMs: wholeNumber('Time after that in which what has begun may finish; new statements are refused.', {
          min: 0,
          max: 86_400_000,
          default: 60_000,
        }),
      })
      .prefault({})
      .describe('What happens on SIGTERM and SIGINT.'),
    health: z
      .strictObject({
        intervalMs: wholeNumber(
          'Interval at which each source is looked at by a small statement: the log tells of each that does not answer, `/readyz?verbose` and `flightgate_source_up` of all. 0 never looks.',
          { min: 0, max: 86_400_000, default: 60_000 },
        ),
        timeoutMs: wholeNumber('Time in which a source must answer that.', { min: 100, max: 600_000, default: 10_000 }),
      })
      .prefault({})
      .describe('Watch over the sources.'),
    log: z
      .strictObject({
        level: z
          .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
          .default('info')
          .describe('Least severe lines that are written.'),
        format: z
          .enum(['auto', 'json', 'text'])
          .default('auto')
          .describe('JSON lines or text; `auto` writes text to a terminal and JSON elsewhere.'),
        levels: z
          .enum(['words', 'numbers'])
          .default('words')
          .describe('The level of a JSON line as a word (`info`), or as the number of the pino library (30).'),
        times: z
          .enum(['iso', 'epochMs'])
          .default('iso')
          .describe('The time of a JSON line in ISO 8601 (UTC), or in milliseconds since 1970.'),
        statements: z
          .enum(['hash', 'text', 'none'])
          .default('hash')
          .describe(
            "What of statements the log may hold: a hash, the text (then also engines' words and values, which may be personal), or nothing.",
          ),
      })
      .prefault({})
      .describe('Logs, on standard output.'),
  })

/** The settings with the kinds of sources that there are. */
export const configSchema = configSchemaOf(sourceKinds)
