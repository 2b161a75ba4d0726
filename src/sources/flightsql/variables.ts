import type { WholeNumber } from '../../config/setting/value.ts'
import { portProblem, section, type Variable } from '../../config/setting/variable.ts'
import { poolBounds } from './settings.ts'

type Apply = Variable['apply']

/** The source that the DREMIO_* variables change; created if it is missing. */
function dremioSource(root: Record<string, unknown>): Record<string, unknown> {
  const source = section(section(root, 'sources'), 'dremio')
  source['kind'] ??= 'dremio'
  return source
}

const dremio =
  (setting: string): Apply =>
  (value, root) => {
    dremioSource(root)[setting] = value
  }

/** Sets the host or the port of the URI and keeps the rest, since two variables set one URI. */
const dremioUri =
  (part: 'host' | 'port'): Apply =>
  (value, root) => {
    const source = dremioSource(root)
    const match = /^(.*:\/\/)(.*):(\d+)$/.exec(typeof source['uri'] === 'string' ? source['uri'] : '')
    const [scheme, host, given] = [match?.[1] ?? 'grpc://', match?.[2] ?? '127.0.0.1', match?.[3] ?? '32010']
    source['uri'] = part === 'host' ? `${scheme}${value}:${given}` : `${scheme}${host}:${value}`
  }

/** Variables of the source `dremio`. */
export const dremioVariables: readonly Variable[] = [
  {
    name: 'DREMIO_HOST',
    about: 'Host of `sources.dremio.uri`. Creates the source `dremio` if it is missing.',
    gives: 'sources.dremio.uri',
    problem: (value) =>
      /^(\[[^\]]+\]|[^:/?#@]+)$/.test(value) ? undefined : 'must be a host name or an address, IPv6 in brackets',
    apply: dremioUri('host'),
  },
  {
    name: 'DREMIO_PORT',
    about: 'Port of `sources.dremio.uri`.',
    problem: portProblem(1),
    apply: dremioUri('port'),
  },
  { name: 'DREMIO_USERNAME', about: '`sources.dremio.username`.', apply: dremio('username') },
  { name: 'DREMIO_PASSWORD', about: '`sources.dremio.password`.', apply: dremio('password') },
  { name: 'DREMIO_TOKEN', about: '`sources.dremio.token`.', apply: dremio('token') },
]

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Converts `60s` to milliseconds. Returns other text unchanged, for the schema to reject. */
function durationMs(value: string): unknown {
  const match = /^(\d+)(ms|s|m|h)$/.exec(value)
  return match ? Number(match[1]) * durationUnits[match[2]!]! : value
}

const count = (value: string): unknown => (/^\d+$/.test(value) ? Number(value) : value)

/** Checks a value that is converted to a whole number. @param form what the value must be */
const inRange =
  (convert: (value: string) => unknown, form: string, { min, max }: Omit<WholeNumber, 'default'>) =>
  (value: string) => {
    const number = convert(value)
    return typeof number === 'number' && number >= min && number <= max ? undefined : `must be ${form}`
  }

const countProblem = (bounds: WholeNumber) =>
  inRange(count, `a whole number from ${bounds.min} to ${bounds.max}`, bounds)

/** Sets a pool setting of every source that has a pool. */
const pools =
  (setting: string, convert: (value: string) => unknown): Apply =>
  (value, root) => {
    for (const source of Object.values(section(root, 'sources')) as (Record<string, unknown> | null)[])
      if (source?.['kind'] === 'dremio' || source?.['kind'] === 'flightsql')
        section(source, 'pool')[setting] = convert(value)
  }

/** Variables of the connection pools of both kinds. */
export const poolVariables: readonly Variable[] = [
  {
    name: 'ARROW_POOL_MAX_CONNECTIONS',
    about: '`pool.max` of every `dremio` and `flightsql` source.',
    problem: countProblem(poolBounds.max),
    apply: pools('max', count),
  },
  {
    name: 'ARROW_POOL_MIN_CONNECTIONS',
    about: '`pool.min` of every `dremio` and `flightsql` source.',
    problem: countProblem(poolBounds.min),
    apply: pools('min', count),
  },
  {
    name: 'ARROW_POOL_HEALTH_CHECK_INTERVAL',
    about: '`pool.healthCheckIntervalMs` of every `dremio` and `flightsql` source, as `60s`, `500ms`, `5m` or `1h`.',
    problem: inRange(
      durationMs,
      'a duration from 100ms to 24h, such as 60s, 500ms, 5m or 1h',
      poolBounds.healthCheckIntervalMs,
    ),
    apply: pools('healthCheckIntervalMs', durationMs),
  },
]
