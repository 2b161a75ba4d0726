import { z } from 'zod'
import { pemFile } from '../setting/pem-file.ts'
import { optionalWholeNumber, secret, wholeNumber } from '../setting/value.ts'

const ADDRESS_FORM = 'host:port, such as redis-0:6379'
const addressPattern = /^(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/

/** What a URL of Redis must be; undefined if it is right. */
export function redisUrlProblem(value: string): string | undefined {
  if (!/^rediss?:\/\//.test(value)) return 'must begin with redis:// or rediss://'
  const url = URL.parse(value)
  if (!url) return 'must be redis://user:password@host:port/database'
  return /^\/?\d*$/.test(url.pathname) ? undefined : 'must end in the number of a database, as redis://host:6379/1'
}

function addresses(about: string) {
  const address = z
    .string()
    .meta({ form: ADDRESS_FORM })
    .transform((text, context) => {
      const match = addressPattern.exec(text)
      const port = Number(match?.[2])
      if (match && port > 0 && port <= 65_535) return { host: match[1]!.replace(/^\[|\]$/g, ''), port }
      context.addIssue({ code: 'custom', message: `must be ${ADDRESS_FORM}` })
      return z.NEVER
    })
  return z.array(address).min(1).max(100).optional().describe(about)
}

const tls = z
  .strictObject({
    ca: pemFile('PEM file with the certificate authorities to trust; by default those of Node.').optional(),
    cert: pemFile('PEM file with a client certificate.').optional(),
    key: pemFile('PEM file with the private key of `cert`.').optional(),
    serverName: z.string().min(1).optional().describe('Name in the certificate, if it is not the host.'),
    skipVerify: z
      .boolean()
      .default(false)
      .describe('Accepts any certificate. For tests only; the gateway logs a warning.'),
  })
  .optional()
  .describe('TLS to Redis and its sentinels, also without settings (`{}`). `rediss://` turns it on too.')

/** The settings of which exactly one says where Redis is. */
const places = ['url', 'host', 'sentinels', 'nodes'] as const

/** Schema of `redis`. */
export const redisSchema = z
  .strictObject({
    url: secret('Server, as `redis://user:password@host:port/database`; `rediss://` uses TLS.')
      .superRefine((value, context) => {
        const message = redisUrlProblem(value)
        if (message !== undefined) context.addIssue({ code: 'custom', message })
      })
      .optional(),
    host: z.string().min(1).optional().describe('Host of the server, instead of `url`.'),
    port: optionalWholeNumber('Port of `host`; by default 6379.', { min: 1, max: 65_535 }),
    sentinels: addresses('Sentinels as `host:port`, instead of `url`: they tell which server is the primary.'),
    primaryName: z.string().min(1).optional().describe('Name of the primary at the sentinels.'),
    nodes: addresses('Some nodes of a cluster as `host:port`, instead of `url`. They tell the others.'),
    username: z.string().min(1).optional().describe('User of the access control list.'),
    password: secret('Password.', { mayBeEmpty: true }).optional(),
    sentinelUsername: z.string().min(1).optional().describe('User at the sentinels.'),
    sentinelPassword: secret('Password at the sentinels.').optional(),
    tls,
    database: optionalWholeNumber('Number of the database; a cluster has only 0.', { min: 0, max: 1_000_000 }),
    keyPrefix: z
      .string()
      .min(1)
      .max(100)
      .default('flightgate:')
      .describe('Beginning of all keys and channels. Gateways with the same prefix share their state.'),
    connectTimeoutMs: wholeNumber('Time limit to connect.', { min: 10, max: 600_000, default: 5000 }),
    commandTimeoutMs: wholeNumber(
      'Time limit of a command. Uses that can go on without Redis wait less ([what happens](redis.md#when-redis-is-down)).',
      { min: 10, max: 600_000, default: 1000 },
    ),
  })
  .superRefine((settings, context) => {
    const problem = (message: string, path: string[] = []) => context.addIssue({ code: 'custom', message, path })
    const given = places.filter((place) => settings[place] !== undefined)
    if (given.length === 0) problem(`set one of ${places.join(', ')}, in the file or by REDIS_URL or REDIS_HOST`)
    if (given.length > 1) problem(`only one of ${given.join(', ')} can be set`)
    if ((settings.sentinels === undefined) !== (settings.primaryName === undefined))
      problem('must be set together with sentinels, and only then', ['primaryName'])
    if (settings.nodes !== undefined && (settings.database ?? 0) > 0) problem('a cluster has only 0', ['database'])
    if ((settings.tls?.cert === undefined) !== (settings.tls?.key === undefined))
      problem('cert and key must be set together', ['tls'])
  })
