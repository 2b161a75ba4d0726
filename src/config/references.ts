import { readFileSync } from 'node:fs'
import { formatPath, type SettingPath } from './setting/path.ts'

const FILE_PREFIX = 'file:'
const variable = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** Whether the setting at a path is a secret, which may come from a file. */
export type IsSecret = (path: SettingPath) => boolean

/** A reference that cannot be resolved. */
export interface ReferenceProblem {
  readonly path: SettingPath
  /** A line for the operator, which begins with the setting. */
  readonly line: string
}

/** All names that the settings reference as `${NAME}`. */
export function referencedNames(value: unknown): Set<string> {
  if (typeof value === 'string') return new Set(Array.from(value.matchAll(variable), ([, name]) => name!))
  if (typeof value !== 'object' || value === null) return new Set()
  return new Set(Object.values(value).flatMap((each) => [...referencedNames(each)]))
}

/** Replaces `${VARIABLE}` in each text, and `file:PATH` in secrets by the file's content. Adds problems to the list. */
export function resolveReferences(
  value: unknown,
  env: NodeJS.ProcessEnv,
  isSecret: IsSecret,
  problems: ReferenceProblem[],
  path: SettingPath = [],
): unknown {
  if (Array.isArray(value))
    return value.map((each, i) => resolveReferences(each, env, isSecret, problems, [...path, i]))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key,
        resolveReferences(each, env, isSecret, problems, [...path, key]),
      ]),
    )
  if (typeof value !== 'string') return value
  const tell = (what: string) => problems.push({ path, line: `${formatPath(path)}: ${what}` })
  const text = value.replace(variable, (whole, name: string) => {
    const found = env[name]
    if (found === undefined) tell(`the environment variable ${name} is not set`)
    return found ?? whole
  })
  if (!text.startsWith(FILE_PREFIX) || !isSecret(path)) return text
  const file = text.slice(FILE_PREFIX.length)
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    tell(`the file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
    return text
  }
}
