import { z } from 'zod'
import { pemFile } from '../../config/setting/pem-file.ts'
import { sourceCacheSchema } from '../../config/setting/source-cache.ts'
import { optionalWholeNumber, secret, wholeNumber } from '../../config/setting/value.ts'
import { identitySettings } from './identity/identity-settings.ts'
import { upstreamAddress } from './upstream-address.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const MIB = 1 << 20
const HEADER_NAME = /^[a-z0-9_.-]{1,64}$/

const tls = z
  .strictObject({
    ca: pemFile('PEM file with the certificate authorities to trust; by default those of Node.').optional(),
    cert: pemFile('PEM file with a client certificate.').optional(),
    key: pemFile('PEM file with the private key of `cert`.').optional(),
    serverName: z.string().min(1).optional().describe('Name in the certificate, if it is not the host of the URI.'),
    skipVerify: z
      .boolean()
      .default(false)
      .describe('Accepts any certificate. For tests only; the gateway logs a warning.'),
  })
  .prefault({})
  .describe('TLS, for URIs with `grpc+tls`.')

/** Bounds of the pool settings that variables set too. */
export const poolBounds = {
  min: { min: 0, max: 1000, default: 2 },
  max: { min: 1, max: 1000, default: 10 },
  healthCheckIntervalMs: { min: 100, max: 24 * HOUR_MS, default: MINUTE_MS },
} as const

const pool = z
  .strictObject({
    min: wholeNumber('Connections that the pool keeps open to each address.', poolBounds.min),
    max: wholeNumber(
      'Most connections to each address. Each carries one call or one result at a time.',
      poolBounds.max,
    ),
    healthCheckIntervalMs: wholeNumber(
      'Interval of the health checks of idle connections.',
      poolBounds.healthCheckIntervalMs,
    ),
    idleTimeoutMs: wholeNumber('Time without use after which the pool closes a connection beyond `min`.', {
      min: 100,
      max: 24 * HOUR_MS,
      default: 30 * MINUTE_MS,
    }),
    maxAgeMs: wholeNumber('Age at which the pool replaces a connection.', {
      min: 1000,
      max: 30 * 24 * HOUR_MS,
      default: 6 * HOUR_MS,
    }),
    acquireTimeoutMs: wholeNumber('Time that a call may wait for a connection.', {
      min: 1,
      max: HOUR_MS,
      default: 10_000,
    }),
  })
  .prefault({})
  .describe('Connections to each address.')

const slowReader = z
  .strictObject({
    afterMs: wholeNumber(
      'Time without reading by the client after which the gateway reads ahead; 0 never reads ahead. Dremio aborts a result after 50 s.',
      { min: 0, max: HOUR_MS, default: 20_000 },
    ),
    memoryBytes: wholeNumber('Bytes of one result that the gateway then buffers in memory.', {
      min: 0,
      max: 2 ** 40,
      default: 4 * MIB,
    }),
    spillBytes: wholeNumber('Largest size of the temporary file to which a result spills when `memoryBytes` is full.', {
      min: 0,
      max: 2 ** 50,
      default: 1024 * MIB,
    }),
    spillDirectory: z
      .string()
      .min(1)
      .optional()
      .describe("Directory of that file; by default the system's temporary directory."),
  })
  .prefault({})
  .describe(
    'Buffering for slow consumers: clients that stop reading a result for a while. See also `limits.stallTimeoutMs`.',
  )

/** Names that are never forwarded: credentials, sessions, and headers of the connection or the call itself. */
const OWN_HEADERS =
  /^(authorization|auth-token-bin|cookie|set-cookie|x-api-key|content-type|te|host|user-agent|x-flightgate-.*|grpc-(?!status-details-bin).*)$/

const forwarded = (about: string, value: string[]) =>
  z
    .array(
      z
        .string()
        .regex(HEADER_NAME, 'must be a lower-case metadata name')
        .refine(
          (name) => !OWN_HEADERS.test(name),
          'cannot be forwarded: it belongs to the connection or is a credential',
        ),
    )
    .default(value)
    .describe(about)

const forward = z
  .strictObject({
    toServer: forwarded(
      "Names of the client's metadata to forward to the server. `x-request-id` is the id in the gateway's log.",
      ['traceparent', 'tracestate', 'x-request-id'],
    ),
    toClient: forwarded(
      "Names of the server's metadata to forward to the client, in headers and in trailers of errors. `grpc-status-details-bin` adds the server's error details to the gateway's.",
      [],
    ),
  })
  .prefault({})
  .describe('Metadata that the gateway forwards between clients and the server. It forwards nothing else.')

const shared = {
  uri: upstreamAddress('Address of the server: `grpc://host:port`, or `grpc+tls://host:port` with TLS.'),
  addresses: z
    .array(upstreamAddress('A URI as `uri`.'))
    .default([])
    .describe(
      'Further servers with the same data. The gateway spreads calls over all and skips those that do not answer.',
    ),
  username: z.string().min(1).optional().describe('User to log in as.'),
  password: secret('Password, or a personal access token instead.', { mayBeEmpty: true }).optional(),
  token: secret('Bearer or personal access token, instead of user and password.').optional(),
  tls,
  headers: z
    .record(z.string().regex(HEADER_NAME, 'must be a lower-case header name'), z.string())
    .default({})
    .describe('Headers sent with every call.'),
  forward,
  pool,
  slowReader,
  writes: z
    .boolean()
    .default(false)
    .describe('Allows statements that change data, for principals with the grant `write`.'),
  cache: sourceCacheSchema.optional().describe('How the cache stores results of this source.'),
  statementTimeoutMs: optionalWholeNumber(
    'Time limit for a statement to run and be read. By default only the deadline of the call applies.',
    { min: 1, max: 30 * 86_400_000 },
  ),
  maxStreams: wholeNumber('Statements that run or are read at the same time; further statements wait in a queue.', {
    min: 1,
    max: 10_000,
    default: 16,
  }),
  minStreams: optionalWholeNumber(
    'Lower bound of the adaptive limit: when the server reports overload, the gateway runs fewer statements at the same time, and then more again. If equal to maxStreams, the limit is fixed. By default 2, or maxStreams if that is 1.',
    { min: 1, max: 10_000 },
  ),
  connectTimeoutMs: wholeNumber('Time limit to establish a connection.', {
    min: 10,
    max: 10 * MINUTE_MS,
    default: 10_000,
  }),
  requestTimeoutMs: wholeNumber('Time limit for calls that return no rows, such as planning.', {
    min: 10,
    max: HOUR_MS,
    default: MINUTE_MS,
  }),
  maxMessageBytes: wholeNumber('Largest message of the server; a larger one fails the statement.', {
    min: MIB,
    max: 2 ** 31 - 1,
    default: 256 * MIB,
  }),
}

const followLocations = (byDefault: boolean) =>
  z
    .boolean()
    .default(byDefault)
    .describe(
      'Fetches parts of results from the addresses that the server names for them, with the same login. If `uri` has TLS, only over TLS. If none can be reached, the gateway asks the server itself.',
    )

const property = (about: string) => z.string().min(1).optional().describe(about)

/** `sources.<name>` of kind `flightsql`. */
export const flightSqlSettings = z.strictObject({
  kind: z.literal('flightsql').describe('Any Flight SQL server.'),
  ...shared,
  followLocations: followLocations(true),
  // Not for Dremio, which runs such commands as SQL: they would bypass the checks of statements.
  plainCommands: z
    .boolean()
    .default(false)
    .describe(
      'Forwards commands that are not Flight SQL verbatim, instead of running them as SQL. For Flight servers with commands of their own; `writes` does not restrict these.',
    ),
})

/** `sources.<name>` of kind `dremio`. */
export const dremioSettings = z.strictObject({
  kind: z.literal('dremio').describe('Dremio, through its Arrow Flight endpoint.'),
  ...shared,
  identity: identitySettings,
  // Versions before 24.3.4 advertise their listen address, 0.0.0.0.
  followLocations: followLocations(false),
  session: z
    .strictObject({
      schema: property('Schema of names that are written without one.'),
      routingQueue: property('Routing queue of the statements.'),
      routingTag: property('Routing tag of the statements.'),
      routingEngine: property('Engine that runs the statements.'),
      quoting: z
        .enum(['DOUBLE_QUOTE', 'BACK_TICK', 'BRACKET'])
        .optional()
        .describe('The character that quotes identifiers.'),
      projectId: property('Project of Dremio Cloud.'),
    })
    .prefault({})
    .describe('Properties of the Dremio sessions.'),
})

type FlightSqlSettings = z.output<typeof flightSqlSettings>
type DremioSettings = z.output<typeof dremioSettings>

/** Settings of a source of kind `flightsql` or `dremio`. */
export type UpstreamSettings = FlightSqlSettings | DremioSettings

/** The settings that the source itself uses. Dremio never has `plainCommands`, because it would run them as SQL. */
export type FlightSqlConfig = Omit<
  FlightSqlSettings,
  'kind' | 'plainCommands' | 'statementTimeoutMs' | 'maxStreams' | 'minStreams'
> &
  Partial<Pick<FlightSqlSettings, 'plainCommands'> & Pick<DremioSettings, 'session'>> & {
    readonly kind: UpstreamSettings['kind']
    /** The callers for whom the login stands, such as `the group finance`; undefined if it is the login of the source. */
    readonly standsFor?: string
  }

/** Properties of a Dremio session. */
export type DremioSession = DremioSettings['session']
