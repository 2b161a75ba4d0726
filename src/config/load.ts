import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import type { Config } from './config.ts'
import { applyEnvironment, variablesWithoutEffect } from './environment.ts'
import { kindsWith, knownNames, type SettingSchema, schemaAt, settingsSchema } from './json-schema.ts'
import { isLoopback } from './listen.ts'
import { nearest } from './nearest.ts'
import { referencedNames, resolveReferences } from './references.ts'
import { configSchema } from './schema.ts'

/** Where the configuration comes from. */
export interface ConfigOrigin {
  /** YAML file; by default the variable FLIGHTGATE_CONFIG names it, if anything does. */
  readonly file?: string
  readonly env: NodeJS.ProcessEnv
}

/** Everything that is wrong with a configuration, a line each; no secret in it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${problems.map((each) => `- ${each}`).join('\n')}`,
    )
    this.problems = problems
  }
}

/**
 * Reads the file and the environment into one frozen configuration.
 * @throws ConfigError that lists every problem
 */
export function loadConfig({ file = undefined, env }: ConfigOrigin): Config {
  const path = file ?? (env['FLIGHTGATE_CONFIG'] || undefined)
  const problems: string[] = []
  const root = path === undefined ? {} : readYaml(path)
  const schema = settingsSchema()
  problems.push(...applyEnvironment(root, env))
  const resolved = resolveReferences(root, env, (at) => schemaAt(schema, at)?.secret === true, problems)
  const parsed = configSchema.safeParse(resolved)
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => describeIssue(issue, schema)))
  else problems.push(...contradictions(parsed.data))
  if (problems.length > 0 || !parsed.success) throw new ConfigError([...new Set(problems)])
  const { data } = parsed
  const defaultSource = data.defaultSource ?? Object.keys(data.sources)[0]!
  return deepFreeze({ ...data, defaultSource, warnings: [...warningsOf(data), ...withoutEffect(env, root)] })
}

function readYaml(path: string): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError([`the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0)
    throw new ConfigError(
      document.errors.map(({ message, pos }) => `${path}, line ${lines.linePos(pos[0]).line}: ${message}`),
    )
  const value: unknown = document.toJS() ?? {}
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError([`${path}: the file must hold settings by name`])
  return value as Record<string, unknown>
}

function describeIssue(issue: z.core.$ZodIssue, schema: SettingSchema): string[] {
  const path = issue.path.map(String)
  const where = path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const at = schemaAt(schema, path)
    const known = at ? knownNames(at) : []
    return issue.keys.map((key) => {
      const name = [...path, key].join('.')
      const kinds = at ? kindsWith(at, key) : []
      if (kinds.length > 0) return `${name}: only a source of kind ${kinds.join(' or ')} has this setting`
      const meant = nearest(key, known)
      return `${name}: there is no such setting${meant ? `; did you mean ${meant}?` : ''}`
    })
  }
  if (issue.code === 'invalid_key')
    return [`${where}: the name ${issue.issues.map(({ message }) => message).join(', ')}`]
  const at = schemaAt(schema, path)
  return [`${where}: ${issue.message}${at ? allowed(at) : ''}`]
}

function allowed({ minimum, maximum, enum: values }: SettingSchema): string {
  if (values) return ` (one of ${values.join(', ')})`
  return minimum !== undefined && maximum !== undefined ? ` (${minimum} to ${maximum})` : ''
}

type Parsed = z.output<typeof configSchema>

/** Problems that no single setting shows. */
function contradictions({ auth, defaultSource, listen, sources, tls }: Parsed): string[] {
  const problems: string[] = []
  const names = Object.keys(sources)
  const has = (name: string) => names.some((each) => each.toLowerCase() === name.toLowerCase())
  if (names.length === 0) problems.push('sources: configure at least one')
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length)
    problems.push('sources: names must differ in more than upper and lower case')
  if (defaultSource === undefined && names.length > 1)
    problems.push(`defaultSource: say which of ${names.join(', ')} answers calls that name no source`)
  if (defaultSource !== undefined && !has(defaultSource))
    problems.push(`defaultSource: there is no source ${defaultSource}; known: ${names.join(', ')}`)
  for (const [i, key] of auth.apiKeys.entries()) {
    const earlier = auth.apiKeys.slice(0, i)
    if (earlier.some(({ name }) => name === key.name))
      problems.push(`auth.apiKeys.${i}.name: ${key.name} is taken already`)
    if (earlier.some(({ sha256 }) => sha256.equals(key.sha256)))
      problems.push(`auth.apiKeys.${i}.key: another principal has the same key`)
    if (key.defaultSource !== undefined && !has(key.defaultSource))
      problems.push(
        `auth.apiKeys.${i}.defaultSource: there is no source ${key.defaultSource}; known: ${names.join(', ')}`,
      )
  }
  for (const [name, source] of Object.entries(sources))
    if (source.kind !== 'duckdb') problems.push(...upstreamProblems(name, source))
  if (tls)
    try {
      createSecureContext({ cert: tls.cert.content, key: tls.key.content })
    } catch (error) {
      problems.push(`tls: certificate and key are not in order (${(error as Error).message})`)
    }
  for (const name of ['flight', 'http'] as const)
    if (auth.apiKeys.length === 0 && !isLoopback(listen[name]))
      problems.push(
        `listen.${name}: ${listen[name].host} is not a loopback address and there are no API keys: set auth.apiKeys or API_KEYS, or listen on 127.0.0.1`,
      )
  return problems
}

function upstreamProblems(
  name: string,
  { username, password, token, pool, tls }: Exclude<Parsed['sources'][string], { kind: 'duckdb' }>,
): string[] {
  const at = `sources.${name}`
  const problems: string[] = []
  if (token !== undefined && username !== undefined)
    problems.push(`${at}: give a token, or user and password, not both`)
  if (password !== undefined && username === undefined) problems.push(`${at}.username: a password needs a user`)
  if (pool.min > pool.max) problems.push(`${at}.pool.min: ${pool.min} is above pool.max (${pool.max})`)
  if ((tls.cert === undefined) !== (tls.key === undefined))
    problems.push(`${at}.tls: a client certificate needs both cert and key`)
  return problems
}

function warningsOf({ auth, listen, sources, tls }: Parsed): string[] {
  const warnings = auth.apiKeys
    .filter(({ plain }) => plain)
    .map(({ name }) => `auth.apiKeys: the key of ${name} is given plainly; sha256:<hex> keeps it out of the file`)
  for (const [name, source] of Object.entries(sources))
    if (source.kind !== 'duckdb' && source.tls.skipVerify)
      warnings.push(`sources.${name}.tls.skipVerify: whoever stands between can read and change everything`)
  if (!tls && !isLoopback(listen.flight)) warnings.push('tls: keys and data cross the network unencrypted')
  if (auth.apiKeys.length > 0 && auth.sealKeys.length === 0)
    warnings.push('auth.sealKeys: none, so tickets and tokens end with this process and other replicas refuse them')
  return warnings
}

/** One warning for all variables that are set in vain. A name that the file refers to is not. */
function withoutEffect(env: NodeJS.ProcessEnv, root: Record<string, unknown>): string[] {
  const referenced = referencedNames(root)
  const names = variablesWithoutEffect(env).filter((name) => !referenced.has(name))
  return names.length > 0 ? [`environment: not in effect in this version: ${names.join(', ')}`] : []
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const each of Object.values(value)) deepFreeze(each)
  return Object.freeze(value)
}
