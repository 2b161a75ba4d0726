import { z } from 'zod'
import type { SourceKinds, SourceSettings } from '../sources/kind.ts'
import { sourceKinds } from '../sources/kinds.ts'
import { authSchema } from './auth.ts'
import { limitsSchema } from './limits.ts'
import { listenSchema, tlsSchema } from './listen.ts'
import { auditLogSchema } from './sections/audit-log.ts'
import { cacheSchema } from './sections/cache.ts'
import { consoleSchema } from './sections/console.ts'
import { budgetsSchema, groupsSchema, stateSchema } from './sections/cost.ts'
import { historySchema } from './sections/history.ts'
import { httpSchema } from './sections/http.ts'
import { quotasSchema } from './sections/quotas.ts'
import { redisSchema } from './sections/redis.ts'
import { replicaSchema } from './sections/replica.ts'
import { rolesSchema } from './sections/roles.ts'
import { tracingSchema } from './sections/tracing.ts'
import { wholeNumber } from './setting/value.ts'

const sourceName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'must begin with a letter and hold up to 63 letters, digits, - or _')

/** The default of `sources`. */
const demo = { demo: { kind: 'duckdb', path: ':memory:', sample: { tpch: 0.1 } } } as const

/** Most worker processes. */
export const MAX_WORKERS = 128

/** Values of `log.level`. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** Settings of a source, as a union by its kind. */
function sourceSettings(kinds: SourceKinds) {
  const [first, ...others] = Object.values(kinds).map(({ schema }) => schema)
  // Callers see only the settings that all kinds share.
  return z.discriminatedUnion('kind', [first!, ...others]) as unknown as z.ZodType<SourceSettings, { kind: string }>
}

/** All settings with unit (in the name), default, range and a sentence. `docs/configuration.md` is generated from this. */
export const configSchemaOf = (kinds: SourceKinds) =>
  z.strictObject({
    listen: listenSchema.prefault({}).describe('Addresses on which the gateway listens.'),
    tls: tlsSchema,
    workers: wholeNumber(
      'Processes that serve the two ports. More than one use several cores: connections spread evenly over them, and they share sessions, quotas and budgets. Limits apply to each process, unless they say otherwise ([workers](scaling.md#workers)).',
      { min: 1, max: MAX_WORKERS, default: 1 },
    ),
    auth: authSchema.prefault({}).describe('Principals and keys.'),
    sources: z
      .record(sourceName, sourceSettings(kinds))
      .prefault(demo)
      .describe(
        'Sources by name. By default one source, `demo`: DuckDB in memory with TPC-H sample tables at scale 0.1.',
      ),
    defaultSource: z
      .string()
      .optional()
      .describe('Source of calls that name no source; required if there are several sources.'),
    limits: limitsSchema.prefault({}).describe('Bounds of connections, messages, memory and time.'),
    http: httpSchema.prefault({}).describe('The API of the HTTP port.'),
    console: consoleSchema.prefault({}).describe('The [web console](console.md).'),
    quotas: quotasSchema
      .prefault({})
      .describe(
        'How much each principal may use; without API keys, each gRPC connection and each address over HTTP. No limits by default. `auth.apiKeys[].quotas` overrides them for a principal.',
      ),
    budgets: budgetsSchema
      .prefault({})
      .describe(
        'What the statements of sources that bill may cost, for the whole gateway. `sources.NAME.limits`, `groups.NAME.budgets` and `auth.apiKeys[].budgets` limit parts of it; all of them apply.',
      ),
    groups: groupsSchema.describe(
      'Groups of principals, by name: a budget that they share, and settings that each member has.',
    ),
    roles: rolesSchema.describe(
      'Roles by name, beside the built-in `reader`, `writer`, `operator` and `admin` ([access](access.md)).',
    ),
    cache: cacheSchema
      .prefault({})
      .describe(
        'The results of statements, for statements that ask for the same rows. `sources.NAME.cache` has settings of a source.',
      ),
    history: historySchema
      .prefault({})
      .describe('What each process remembers in memory, for the console and for operators that look back.'),
    state: stateSchema.prefault({}).describe('What the gateway keeps on disk.'),
    redis: redisSchema
      .optional()
      .describe(
        'Redis that replicas share: sessions, bound parameters, results of changes, counts of quotas, cancels, and the ledger of what statements cost (instead of `state.directory`).',
      ),
    replica: replicaSchema
      .optional()
      .describe(
        'How replicas reach each other. A call that needs a transaction, or the result of a polled statement, goes on to the replica that has it. Needs `redis` and `auth.sealKeys`.',
      ),
    drain: z
      .strictObject({
        notReadyMs: wholeNumber(
          'Time after SIGTERM in which `/readyz` returns 503 but the gateway still serves everything, so that the load balancer notices: at least the interval of its checks. The gateway skips it on SIGINT, and if no client is connected.',
          { min: 0, max: 600_000, default: 5000 },
        ),
        graceMs: wholeNumber(
          'Time after that for running statements, transactions and streams to finish. The gateway rejects new statements.',
          {
            min: 0,
            max: 86_400_000,
            default: 60_000,
          },
        ),
        sourceGraceMs: wholeNumber(
          'Time that running statements and transactions of a source have to finish after a reload that has removed or changed it.',
          { min: 0, max: 30 * 86_400_000, default: 3_600_000 },
        ),
      })
      .prefault({})
      .describe('Drain on SIGTERM and SIGINT.'),
    health: z
      .strictObject({
        intervalMs: wholeNumber(
          'Interval at which the gateway checks each source with a small statement. The log reports sources that do not answer; `/readyz?verbose` and `flightgate_source_up` report all. 0 disables the checks.',
          { min: 0, max: 86_400_000, default: 60_000 },
        ),
        timeoutMs: wholeNumber('Time limit of a check.', { min: 100, max: 600_000, default: 10_000 }),
      })
      .prefault({})
      .describe('Health checks of the sources.'),
    auditLog: auditLogSchema
      .optional()
      .describe(
        'A stream of JSON lines about who did what: statements, refused logins, actions of operators ([audit log](audit.md)). Without it there is none.',
      ),
    tracing: tracingSchema
      .optional()
      .describe(
        'Spans of calls and statements, as OpenTelemetry, for a collector. By default none ([tracing](tracing.md)).',
      ),
    log: z
      .strictObject({
        level: z.enum(logLevels).default('info').describe('Lowest level of the lines in the log.'),
        format: z
          .enum(['auto', 'json', 'text'])
          .default('auto')
          .describe('Format of the lines; `auto` writes text to a terminal and JSON elsewhere.'),
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
            'What the log contains of statements: a hash, the text, or nothing. With `text` it also contains messages of engines and values, which may be personal data.',
          ),
      })
      .prefault({})
      .describe('Logs, on standard output.'),
  })

/** The settings with all kinds of sources. */
export const configSchema = configSchemaOf(sourceKinds)
