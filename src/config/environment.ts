import { nearest } from '../query/text/nearest.ts'
import type { SourceKinds } from '../sources/kind.ts'
import { MIN_SEAL_KEY_LENGTH } from './auth.ts'
import { redisVariables } from './redis-variables.ts'
import { referencedNames } from './references.ts'
import { logLevels, MAX_WORKERS } from './schema.ts'
import { MAX_CHUNK_ROWS } from './sections/http.ts'
import { tracingVariables } from './sections/tracing-variables.ts'
import { isServiceVariable } from './service-variable.ts'
import { changedPaths, type SettingPath } from './setting/path.ts'
import { portProblem, section, type Variable } from './setting/variable.ts'

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

const chunkRows = (name: string, setting: 'chunkRows' | 'maxChunkRows'): Variable => ({
  name,
  about: `\`http.${setting}\`.`,
  problem: (value) =>
    /^[1-9]\d{0,6}$/.test(value) && Number(value) <= MAX_CHUNK_ROWS
      ? undefined
      : `must be a number of rows from 1 to ${MAX_CHUNK_ROWS}`,
  apply(value, root) {
    section(root, 'http')[setting] = Number(value)
  },
})

const variables: readonly Variable[] = [
  {
    name: 'FLIGHT_PORT',
    about: 'Port of `listen.flight`.',
    problem: portProblem(0),
    apply: port('flight', '127.0.0.1:32010'),
  },
  {
    name: 'PORT',
    about: 'Port of `listen.http`.',
    problem: portProblem(0),
    apply: port('http', '127.0.0.1:8080'),
  },
  {
    name: 'API_KEYS',
    about: 'Comma-separated keys in plain text, added to `auth.apiKeys` as `key1`, `key2`, ... with the role reader.',
    apply(value, root) {
      const auth = section(root, 'auth')
      const given = Array.isArray(auth['apiKeys']) ? auth['apiKeys'] : []
      auth['apiKeys'] = [...given, ...list(value).map((key, i) => ({ name: `key${i + 1}`, key, roles: ['reader'] }))]
    },
  },
  {
    name: 'RATE_LIMIT',
    about: 'Requests per minute of each principal: `quotas.requestsPerMinute`. 0 is no limit.',
    problem: (value) => (/^\d{1,9}$/.test(value) ? undefined : 'must be a number of requests per minute, such as 600'),
    apply(value, root) {
      section(root, 'quotas')['requestsPerMinute'] = Number(value)
    },
  },
  {
    name: 'FLIGHTGATE_SEAL_KEYS',
    about: 'Comma-separated, instead of `auth.sealKeys`.',
    problem: (value) =>
      list(value).some((key) => key.length < MIN_SEAL_KEY_LENGTH)
        ? `must be comma-separated keys, each of at least ${MIN_SEAL_KEY_LENGTH} characters`
        : undefined,
    apply(value, root) {
      section(root, 'auth')['sealKeys'] = list(value)
    },
  },
]

const workersVariable: Variable = {
  name: 'FLIGHTGATE_WORKERS',
  about: '`workers`.',
  problem: (value) =>
    /^[1-9]\d{0,2}$/.test(value) && Number(value) <= MAX_WORKERS
      ? undefined
      : `must be a number of processes from 1 to ${MAX_WORKERS}`,
  apply(value, root) {
    root['workers'] = Number(value)
  },
}

const stateVariables: readonly Variable[] = [
  {
    name: 'FLIGHTGATE_STATE_DIR',
    about: '`state.directory`.',
    apply(value, root) {
      section(root, 'state')['directory'] = value
    },
  },
  ...redisVariables,
]

const httpVariables: readonly Variable[] = [
  chunkRows('DEFAULT_CHUNK_SIZE', 'chunkRows'),
  chunkRows('MAX_CHUNK_SIZE', 'maxChunkRows'),
]

const logVariables: readonly Variable[] = [
  {
    name: 'FLIGHTGATE_LOG_LEVEL',
    about: '`log.level`.',
    problem: (value) =>
      logLevels.some((level) => level === value) ? undefined : `must be one of ${logLevels.join(', ')}`,
    apply(value, root) {
      section(root, 'log')['level'] = value
    },
  },
]

/** The variables that change settings, including those of the kinds of sources. They override the file. */
export function variablesOf(kinds: SourceKinds): readonly Variable[] {
  return [
    ...variables,
    ...Object.values(kinds).flatMap((kind) => kind.variables ?? []),
    workersVariable,
    ...stateVariables,
    ...httpVariables,
    ...tracingVariables,
    ...logVariables,
  ]
}

/** Variables of flightgate that `serve` and the client commands read themselves. */
export const otherVariables: Readonly<Record<string, string>> = {
  FLIGHTGATE_CONFIG: 'Configuration file, as `--config`.',
  FLIGHTGATE_ENDPOINT: '`flightgate query`, `estimate`, `mcp` and the like: the endpoint.',
  FLIGHTGATE_PASSWORD: '`flightgate query`, `estimate`, `mcp` and the like: the password.',
  FLIGHTGATE_TOKEN: '`flightgate query`, `estimate`, `mcp` and the like: the bearer token.',
  FLIGHTGATE_API_KEY: '`flightgate query`, `estimate`, `mcp` and the like: the API key.',
}

/** Variables that some deployments set for other programs too. */
const laterVariable = /^(REDIS|BIGQUERY)_[A-Z0-9_]+$/

/** Names of the set variables that have no effect. @param root content of the file, with the environment applied */
export function variablesWithoutEffect(
  env: NodeJS.ProcessEnv,
  root: Record<string, unknown>,
  variables: readonly Variable[],
): string[] {
  return Object.entries(env)
    .filter(([name]) => !variables.some((known) => known.name === name && isUsed(known, root)))
    .filter(([name, value]) => laterVariable.test(name) && value !== '' && !isServiceVariable(name, value ?? ''))
    .map(([name]) => name)
    .sort()
}

/** Whether the section that a variable adds to is there. */
function isUsed({ within }: Variable, root: Record<string, unknown>): boolean {
  return within === undefined || root[within] !== undefined
}

/**
 * Applies the environment to the content of the file. Returns the problems, and the settings that a faulty variable sets. A variable that the file references as `${NAME}`
 * has no other effect: DREMIO_PASSWORD as the password of a source `lake` creates no source `dremio`.
 */
export function applyEnvironment(
  root: Record<string, unknown>,
  env: NodeJS.ProcessEnv,
  variables: readonly Variable[],
): { readonly problems: readonly string[]; readonly faults: readonly SettingPath[] } {
  const referenced = referencedNames(root)
  const problems: string[] = []
  const faults: SettingPath[] = []
  for (const variable of variables) {
    const value = env[variable.name]
    if (value === undefined || value === '' || isServiceVariable(variable.name, value)) continue
    if (referenced.has(variable.name) || !isUsed(variable, root)) continue
    const problem = variable.problem?.(value)
    const before = problem === undefined ? undefined : structuredClone(root)
    variable.apply(value, root)
    if (problem === undefined) continue
    problems.push(`${variable.name}: ${problem}`)
    faults.push(...changedPaths(before, root))
  }
  const known = [...variables.map(({ name }) => name), ...Object.keys(otherVariables)]
  const unknown = Object.entries(env)
    .filter(([name]) => name.startsWith('FLIGHTGATE_') && !known.includes(name) && !referenced.has(name))
    .filter(([name, value]) => !isServiceVariable(name, value ?? ''))
    .map(([name]) => {
      const meant = nearest(name, known)
      return `environment: ${name} is not a variable of flightgate${meant ? `; did you mean ${meant}?` : ''}`
    })
  return { problems: [...problems, ...unknown], faults }
}
