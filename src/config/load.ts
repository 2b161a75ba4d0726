import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'
import type { SourceKinds } from '../sources/kind.ts'
import { sourceKinds } from '../sources/kinds.ts'
import type { Config } from './config.ts'
import { contradictions, warningsOf } from './contradictions.ts'
import { describeIssue } from './describe-issue.ts'
import { applyEnvironment, variablesOf, variablesWithoutEffect } from './environment.ts'
import { schemaAt, settingsSchema } from './json-schema.ts'
import { referencedNames, resolveReferences } from './references.ts'
import { configSchemaOf } from './schema.ts'

/** Where the configuration comes from. */
export interface ConfigOrigin {
  /** YAML file; by default the variable FLIGHTGATE_CONFIG names it, if anything does. */
  readonly file?: string
  readonly env: NodeJS.ProcessEnv
  /** Kinds of sources that may be configured; by default all that there are. */
  readonly kinds?: SourceKinds
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
export function loadConfig({ file = undefined, env, kinds = sourceKinds }: ConfigOrigin): Config {
  const path = file ?? (env['FLIGHTGATE_CONFIG'] || undefined)
  const problems: string[] = []
  const root = path === undefined ? {} : readYaml(path)
  const plainKeys = keysInFile(root)
  const configSchema = configSchemaOf(kinds)
  const schema = settingsSchema(configSchema)
  const variables = variablesOf(kinds)
  problems.push(...applyEnvironment(root, env, variables))
  const resolved = resolveReferences(root, env, (at) => schemaAt(schema, at)?.secret === true, problems)
  const parsed = configSchema.safeParse(resolved)
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => describeIssue(issue, schema, variables)))
  else problems.push(...contradictions(parsed.data, kinds))
  if (problems.length > 0 || !parsed.success) throw new ConfigError([...new Set(problems)])
  const { data } = parsed
  const defaultSource = data.defaultSource ?? Object.keys(data.sources)[0]!
  return deepFreeze({
    ...data,
    defaultSource,
    warnings: [...warningsOf(data, kinds, plainKeys), ...withoutEffect(env, root)],
  })
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

/** One warning for all variables that are set in vain. A name that the file refers to is not. */
function withoutEffect(env: NodeJS.ProcessEnv, root: Record<string, unknown>): string[] {
  const referenced = referencedNames(root)
  const names = variablesWithoutEffect(env).filter((name) => !referenced.has(name))
  return names.length > 0 ? [`environment: not in effect in this version: ${names.join(', ')}`] : []
}

/** Names of the principals whose keys stand in the file as they are, in place of a hash or of where they are found. */
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
