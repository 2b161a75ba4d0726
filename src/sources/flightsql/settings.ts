import { z } from 'zod'
import { pemFile } from '../../config/setting/pem-file.ts'
import { optionalWholeNumber, secret, wholeNumber } from '../../config/setting/value.ts'
import { upstreamAddress } from './upstream-address.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const MIB = 1 << 20
const HEADER_NAME = /^[a-z0-9_.-]{1,64}$/

const tls = z
  .strictObject({
    ca: pemFile('PEM file with the authorities to trust; by default those of the system.').optional(),
    cert: pemFile('PEM file with a client certificate.').optional(),
    key: pemFile('PEM file with its private key.').optional(),
    serverName: z.string().min(1).optional().describe('Name in the certificate, where it is not the host of the URI.'),
    skipVerify: z.boolean().default(false).describe('Takes any certificate: for tests only, a warning says so.'),
  })
  .prefault({})
  .describe('TLS, for URIs with `grpc+tls`.')

const pool = z
  .strictObject({
    min: wholeNumber('Connections kept ready to each address.', { min: 0, max: 1000, default: 2 }),
    max: wholeNumber('Connections to each address; each carries one call or one result at a time.', {
      min: 1,
      max: 1000,
      default: 10,
    }),
    healthCheckIntervalMs: wholeNumber('Interval at which idle connections are tried.', {
      min: 100,
      max: 24 * HOUR_MS,
      default: MINUTE_MS,
    }),
    idleTimeoutMs: wholeNumber('Time without use after which a connection beyond `min` ends.', {
      min: 100,
      max: 24 * HOUR_MS,
      default: 30 * MINUTE_MS,
    }),
    maxAgeMs: wholeNumber('Age at which a connection is replaced.', {
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
      'Time without reading after which the server is read on in place of the client; 0 never. Dremio gives a result up after 50 s.',
      { min: 0, max: HOUR_MS, default: 20_000 },
    ),
    memoryBytes: wholeNumber('Bytes of one result that are then held in memory.', {
      min: 0,
      max: 2 ** 40,
      default: 4 * MIB,
    }),
    spillBytes: wholeNumber('Size that its temporary file may have; there goes what memory does not hold.', {
      min: 0,
      max: 2 ** 50,
      default: 1024 * MIB,
    }),
    spillDirectory: z.string().min(1).optional().describe("Where that file is; by default the system's folder."),
  })
  .prefault({})
  .describe('What happens to a result whose client stops reading for a while; see also `limits.stallTimeoutMs`.')

/** Never forwarded: credentials, sessions, and what belongs to a connection or a call itself. */
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
      "Names of the client's metadata that go to the server; `x-request-id` is the one of the gateway's log.",
      ['traceparent', 'tracestate', 'x-request-id'],
    ),
    toClient: forwarded(
      "Names of the server's metadata that the client sees, in headers and in the trailers of errors. `grpc-status-details-bin` adds the server's details of an error to the gateway's.",
      [],
    ),
  })
  .prefault({})
  .describe('Metadata that passes between clients and the server; everything else stays where it is.')

const shared = {
  uri: upstreamAddress('Where the server is: `grpc://host:port`, or `grpc+tls://host:port` with TLS.'),
  addresses: z
    .array(upstreamAddress('A URI as `uri`.'))
    .default([])
    .describe('Further servers with the same data: calls are spread over all, and go past those that do not answer.'),
  username: z.string().min(1).optional().describe('User to log in as.'),
  password: secret('Password, or a personal access token in its place.', { mayBeEmpty: true }).optional(),
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
    .describe('Whether statements that change data are allowed, to principals with the role writer or admin.'),
  statementTimeoutMs: optionalWholeNumber(
    'Time in which a statement must have run and been read; by default only the deadlines of calls end it.',
    { min: 1, max: 30 * 86_400_000 },
  ),
  maxStreams: wholeNumber('Statements that run or are being read at the same time; the others wait in line.', {
    min: 1,
    max: 10_000,
    default: 16,
  }),
  minStreams: wholeNumber(
    'Statements that still run at the same time when the server says that it is overloaded; from there their number grows back. As large as maxStreams, it never shrinks.',
    { min: 1, max: 10_000, default: 2 },
  ),
  connectTimeoutMs: wholeNumber('Time in which a connection must come about.', {
    min: 10,
    max: 10 * MINUTE_MS,
    default: 10_000,
  }),
  requestTimeoutMs: wholeNumber('Time in which calls that deliver no rows must be answered, planning among them.', {
    min: 10,
    max: HOUR_MS,
    default: MINUTE_MS,
  }),
  maxMessageBytes: wholeNumber('Largest message of the server; a larger one ends the statement.', {
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
      'Whether parts of results are fetched from the addresses that the server names for them, with the same login and, where `uri` has TLS, never without. When none can be reached, the server itself is asked.',
    )

const property = (about: string) => z.string().min(1).optional().describe(about)

/** `sources.<name>` of kind `flightsql`. */
export const flightSqlSettings = z.strictObject({
  kind: z.literal('flightsql').describe('Any Flight SQL server.'),
  ...shared,
  followLocations: followLocations(true),
  // Not for Dremio, which takes such commands for SQL: they would get past the checks of statements.
  plainCommands: z
    .boolean()
    .default(false)
    .describe(
      'Passes commands that are none of Flight SQL on as they came, in place of taking them for SQL: for Flight servers with commands of their own, of which `writes` holds nothing back.',
    ),
})

/** `sources.<name>` of kind `dremio`. */
export const dremioSettings = z.strictObject({
  kind: z.literal('dremio').describe('Dremio, through its Arrow Flight endpoint.'),
  ...shared,
  // Versions before 24.3.4 name the address that they are bound to, 0.0.0.0.
  followLocations: followLocations(false),
  session: z
    .strictObject({
      schema: property('What names without a schema mean.'),
      routingQueue: property('Queue of the statements.'),
      routingTag: property('Tag of the statements.'),
      routingEngine: property('Engine of the statements.'),
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

/** Settings of a source of one of the two kinds. */
export type UpstreamSettings = FlightSqlSettings | DremioSettings

/** What the source itself uses of them. `plainCommands` is never there for Dremio, which would run them. */
export type FlightSqlConfig = Omit<
  FlightSqlSettings,
  'kind' | 'plainCommands' | 'statementTimeoutMs' | 'maxStreams' | 'minStreams'
> &
  Partial<Pick<FlightSqlSettings, 'plainCommands'> & Pick<DremioSettings, 'session'>> & {
    readonly kind: UpstreamSettings['kind']
  }

/** Properties of a Dremio session. */
export type DremioSession = DremioSettings['session']
