type Section = Record<string, unknown>

/** An environment variable and its change of the configuration file's content. */
export interface Variable {
  readonly name: string
  readonly about: string
  /** Path of the required setting that it can set, such as `sources.dremio.uri`. */
  readonly gives?: string
  apply(value: string, root: Section): void
}

/** Returns the section of this name, and creates it if it is missing. */
export function section(root: Section, name: string): Section {
  const value = root[name]
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Section
  const fresh: Section = {}
  root[name] = fresh
  return fresh
}
