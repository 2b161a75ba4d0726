import { nearest } from './nearest.ts'
import { referencedNames } from './references.ts'
import { isServiceVariable } from './service-variable.ts'

/** An environment variable and what it changes in the configuration file's content. */
interface Variable {
  readonly name: string
  readonly about: string
  apply(value: string, root: Record<string, unknown>): void
}

const section = (root: Record<string, unknown>, name: string): Record<string, unknown> => {
  const value = root[name]
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  const fresh: Record<string, unknown> = {}
  root[name] = fresh
  return fresh
}

const list = (value: string): string[] =>
  value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')

const port = (setting: 'flight' | 'http', fallback: string) => (value: string, root: Record<string, unknown>) => {
  const listen = section(root, 'listen')
  const address = typeof listen[setting] === 'string' ? (listen[setting] as string) : fallback
  listen[setting] = `${address.slice(0, address.lastIndexOf(':'))}:${value}`
}

const dremio =
  (setting: string, convert: (value: string) => unknown = (value) => value) =>
  (value: string, root: Record<string, unknown>) => {
    const source = section(section(root, 'sources'), 'dremio')
    source['kind'] ??= 'dremio'
    source[setting] = convert(value)
  }

/** Host and port of Dremio come apart; the one that comes second keeps the other's part. */
const dremioUri = (part: 'host' | 'port') => (value: string, root: Record<string, unknown>) => {
  const source = section(section(root, 'sources'), 'dremio')
  source['kind'] ??= 'dremio'
  const match = /^(.*:\/\/)(.*):(\d+)$/.exec(typeof source['uri'] === 'string' ? source['uri'] : '')
  const [scheme, host, given] = [match?.[1] ?? 'grpc://', match?.[2] ?? '127.0.0.1', match?.[3] ?? '32010']
  source['uri'] = part === 'host' ? `${scheme}${value}:${given}` : `${scheme}${host}:${value}`
}

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `60s` as milliseconds; what is no duration is handed on, to be refused. */
function durationMs(value: string): unknown {
  const match = /^(\d+)(ms|s|m|h)$/.exec(value)
  return match ? Number(match[1]) * durationUnits[match[2]!]! : value
}

const count = (value: string): unknown => (/^\d+$/.test(value) ? Number(value) : value)

/** Sets a pool setting of every source that has a pool. */
const pools =
  (setting: string, convert: (value: string) => unknown) => (value: string, root: Record<string, unknown>) => {
    for (const source of Object.values(section(root, 'sources')) as (Record<string, unknown> | null)[])
      if (source?.['kind'] === 'dremio' || source?.['kind'] === 'flightsql')
        section(source, 'pool')[setting] = convert(value)
  }

/** The variables that change settings; they win over the file. */
export const variables: readonly Variable[] = [
  { name: 'FLIGHT_PORT', about: 'Port of `listen.flight`.', apply: port('flight', '127.0.0.1:32010') },
  { name: 'PORT', about: 'Port of `listen.http`.', apply: port('http', '127.0.0.1:8080') },
  {
    name: 'API_KEYS',
    about: 'Comma-separated plain keys, added to `auth.apiKeys` as `key1`, `key2`, ... with the role reader.',
    apply(value, root) {
      const auth = section(root, 'auth')
      const given = Array.isArray(auth['apiKeys']) ? auth['apiKeys'] : []
      auth['apiKeys'] = [...given, ...list(value).map((key, i) => ({ name: `key${i + 1}`, key, roles: ['reader'] }))]
    },
  },
  {
    name: 'FLIGHTGATE_SEAL_KEYS',
    about: 'Comma-separated, instead of `auth.sealKeys`.',
    apply(value, root) {
      section(root, 'auth')['sealKeys'] = list(value)
    },
  },
  {
    name: 'DREMIO_HOST',
    about: 'Host of `sources.dremio.uri`; the source is made when missing.',
    apply: dremioUri('host'),
  },
  { name: 'DREMIO_PORT', about: 'Port of `sources.dremio.uri`.', apply: dremioUri('port') },
  { name: 'DREMIO_USERNAME', about: '`sources.dremio.username`.', apply: dremio('username') },
  { name: 'DREMIO_PASSWORD', about: '`sources.dremio.password`.', apply: dremio('password') },
  { name: 'DREMIO_TOKEN', about: '`sources.dremio.token`.', apply: dremio('token') },
  {
    name: 'ARROW_POOL_MAX_CONNECTIONS',
    about: '`pool.max` of every `dremio` and `flightsql` source.',
    apply: pools('max', count),
  },
  {
    name: 'ARROW_POOL_MIN_CONNECTIONS',
    about: '`pool.min` of every `dremio` and `flightsql` source.',
    apply: pools('min', count),
  },
  {
    name: 'ARROW_POOL_HEALTH_CHECK_INTERVAL',
    about: '`pool.healthCheckIntervalMs` of every `dremio` and `flightsql` source, as `60s`, `500ms`, `5m` or `1h`.',
    apply: pools('healthCheckIntervalMs', durationMs),
  },
  {
    name: 'FLIGHTGATE_LOG_LEVEL',
    about: '`log.level`.',
    apply(value, root) {
      section(root, 'log')['level'] = value
    },
  },
]

/** Variables of ours that are read elsewhere: by `serve` and by the client commands. */
export const otherVariables: Readonly<Record<string, string>> = {
  FLIGHTGATE_CONFIG: 'Configuration file, as `--config`.',
  FLIGHTGATE_ENDPOINT: '`flightgate query`: the endpoint.',
  FLIGHTGATE_PASSWORD: '`flightgate query`: the password.',
  FLIGHTGATE_TOKEN: '`flightgate query`: the bearer token.',
  FLIGHTGATE_API_KEY: '`flightgate query`: the API key.',
}

/** Variables of features that do not exist yet: deployments that wait for them set them already. */
const laterVariable = /^(RATE_LIMIT|DEFAULT_CHUNK_SIZE|MAX_CHUNK_SIZE|(REDIS|BIGQUERY)_[A-Z0-9_]+)$/

/** The names that are set and change nothing yet. */
export function variablesWithoutEffect(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env)
    .filter(([name, value]) => laterVariable.test(name) && value !== '' && !isServiceVariable(name, value ?? ''))
    .map(([name]) => name)
    .sort()
}

/**
 * Applies the environment to what the file holds; answers with the problems. A variable that the file names as `${NAME}`
 * means only what the file says: DREMIO_PASSWORD as the password of a source `lake` makes no source `dremio`.
 */
export function applyEnvironment(root: Record<string, unknown>, env: NodeJS.ProcessEnv): string[] {
  const referenced = referencedNames(root)
  for (const variable of variables) {
    const value = env[variable.name]
    if (value === undefined || value === '' || isServiceVariable(variable.name, value)) continue
    if (!referenced.has(variable.name)) variable.apply(value, root)
  }
  const known = [...variables.map(({ name }) => name), ...Object.keys(otherVariables)]
  return Object.entries(env)
    .filter(([name]) => name.startsWith('FLIGHTGATE_') && !known.includes(name) && !referenced.has(name))
    .filter(([name, value]) => !isServiceVariable(name, value ?? ''))
    .map(([name]) => {
      const meant = nearest(name, known)
      return `environment: ${name} is not a variable of flightgate${meant ? `; did you mean ${meant}?` : ''}`
    })
}
