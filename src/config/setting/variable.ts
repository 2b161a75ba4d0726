type Section = Record<string, unknown>

/** An environment variable and its change of the configuration file's content. */
export interface Variable {
  readonly name: string
  readonly about: string
  /** Path of the required setting that it can set, such as `sources.dremio.uri`. */
  readonly gives?: string
  /** Section without which the variable has no effect. */
  readonly within?: string
  /** What the value must be; undefined if it is right. Without this the variable takes any text. */
  problem?(value: string): string | undefined
  apply(value: string, root: Section): void
}

/** Checks the value of a variable that is a port. */
export const portProblem = (min: number) => (value: string) =>
  /^\d{1,5}$/.test(value) && Number(value) >= min && Number(value) <= 65_535
    ? undefined
    : `must be a port from ${min} to 65535, such as 32010`

/** Returns the section of this name, and creates it if it is missing. */
export function section(root: Section, name: string): Section {
  const value = root[name]
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Section
  const fresh: Section = {}
  root[name] = fresh
  return fresh
}
