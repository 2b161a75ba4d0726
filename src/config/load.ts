import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'
import type { SourceKinds } from '../sources/kind.ts'
import { sourceKinds } from '../sources/kinds.ts'
import type { Config } from './config.ts'
import { contradictions, warningsOf } from './contradictions.ts'
import { describeIssue } from './describe-issue.ts'
import { applyEnvironment, variablesOf, variablesWithoutEffect } from './environment.ts'
import { schemaAt, settingsSchema } from './json-schema.ts'
import { limitsOfProcess } from './limits.ts'
import { type ReferenceProblem, referencedNames, resolveReferences } from './references.ts'
import { configSchemaOf } from './schema.ts'
import { memberSettingsOf } from './sections/member-settings.ts'
import { contains, type SettingPath } from './setting/path.ts'
import { validParts } from './valid-parts.ts'

/** Inputs of the configuration. */
export interface ConfigOrigin {
  /** YAML file; by default the one in FLIGHTGATE_CONFIG, or none. */
  readonly file?: string
  readonly env: NodeJS.ProcessEnv
  /** Kinds of sources that may be configured; by default all. */
  readonly kinds?: SourceKinds
  /** Whether an empty file is a problem, since a running gateway would lose its settings to a file that is being written. */
  readonly isReload?: boolean
}

/** All problems of a configuration, one line each, without secrets. */
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
export function loadConfig({ file = undefined, env, kinds = sourceKinds, isReload = false }: ConfigOrigin): Config {
  const path = file ?? (env['FLIGHTGATE_CONFIG'] || undefined)
  const root = path === undefined ? {} : readYaml(path, isReload)
  const plainKeys = keysInFile(root)
  const { configSchema, schema } = schemasOf(kinds)
  const variables = variablesOf(kinds)
  const environment = applyEnvironment(root, env, variables)
  const references: ReferenceProblem[] = []
  const isSecret = (at: SettingPath) => schemaAt(schema, at)?.secret === true
  const resolved = resolveReferences(root, env, isSecret, references) as Record<string, unknown>
  const parsed = configSchema.safeParse(resolved)
  // The problem of a variable is that of the settings that it sets.
  const issues = (parsed.error?.issues ?? []).filter(
    (issue) => !environment.faults.some((fault) => contains(fault, issue.path)),
  )
  const faults = [
    ...environment.faults,
    ...references.map(({ path }) => path),
    ...issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
    ),
  ]
  const problems = [
    ...environment.problems,
    ...references.map(({ line }) => line),
    ...issues.flatMap((issue) => describeIssue(issue, schema, variables)),
    ...contradictions(validParts(resolved, configSchema, faults), kinds),
  ]
  if (problems.length > 0 || !parsed.success) throw new ConfigError([...new Set(problems)])
  const { data } = parsed
  const defaultSource = data.defaultSource ?? Object.keys(data.sources)[0]!
  return deepFreeze({
    ...data,
    auth: {
      ...data.auth,
      apiKeys: data.auth.apiKeys.map((key) => ({ ...key, ...memberSettingsOf(key.groups ?? [], data.groups, key) })),
    },
    limits: limitsOfProcess(data.limits, (resolved['limits'] ?? {}) as Record<string, unknown>, data.workers),
    defaultSource,
    warnings: [...warningsOf(data, kinds, plainKeys), ...withoutEffect(env, root, variables)],
  })
}

/** Made once: a reload reads the configuration while the gateway serves. */
const schemas = new WeakMap<SourceKinds, ReturnType<typeof newSchemas>>()

function schemasOf(kinds: SourceKinds): ReturnType<typeof newSchemas> {
  const known = schemas.get(kinds) ?? newSchemas(kinds)
  schemas.set(kinds, known)
  return known
}

function newSchemas(kinds: SourceKinds) {
  const configSchema = configSchemaOf(kinds)
  return { configSchema, schema: settingsSchema(configSchema) }
}

function readYaml(path: string, isReload: boolean): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError([`the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
  if (isReload && text.trim() === '')
    throw new ConfigError([`the file ${path} is empty: write the settings, or {} for none`])
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

/** One warning for all variables without effect. A variable that the file references has an effect. */
function withoutEffect(
  env: NodeJS.ProcessEnv,
  root: Record<string, unknown>,
  variables: Parameters<typeof variablesWithoutEffect>[2],
): string[] {
  const referenced = referencedNames(root)
  const names = variablesWithoutEffect(env, root, variables).filter((name) => !referenced.has(name))
  return names.length > 0 ? [`environment: without effect: ${names.join(', ')}`] : []
}

/** Names of the principals whose keys are in the file in plain text, not as a hash or a reference. */
function keysInFile(root: Record<string, unknown>): string[] {
  const apiKeys = (root['auth'] as { apiKeys?: unknown } | undefined)?.apiKeys
  if (!Array.isArray(apiKeys)) return []
  return apiKeys.flatMap((entry: { name?: unknown; key?: unknown } | null) => {
    const key = entry?.key
    const isPlain = typeof key === 'string' && !/^(sha256|file):/.test(key) && referencedNames(key).size === 0
    return isPlain ? [String(entry!.name)] : []
  })
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const each of Object.values(value)) deepFreeze(each)
  return Object.freeze(value)
}
