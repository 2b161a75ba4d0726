/** Path of a setting: names of sections and indices of lists. */
export type SettingPath = readonly PropertyKey[]

/** The path as text, such as `auth.apiKeys[0].key`. */
export function formatPath(path: SettingPath): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('')
}

/** Whether a path is the other one, or that of a section which holds it. */
export function contains(outer: SettingPath, inner: SettingPath): boolean {
  return outer.every((key, i) => key === inner[i])
}

/** Whether one of the paths contains the other. */
export function overlaps(a: SettingPath, b: SettingPath): boolean {
  return contains(a, b) || contains(b, a)
}

/** Paths of the settings that differ between two contents of the configuration file. */
export function changedPaths(before: unknown, after: unknown, path: SettingPath = []): SettingPath[] {
  if (typeof after !== 'object' || after === null) return before === after ? [] : [path]
  const old = (typeof before === 'object' && before !== null ? before : {}) as Readonly<Record<PropertyKey, unknown>>
  return Object.entries(after).flatMap(([key, value]) =>
    changedPaths(old[key], value, [...path, Array.isArray(after) ? Number(key) : key]),
  )
}
