/** Names of columns, each one once: a later column `name` becomes `name_1`, `name_2`, ..., whichever is free. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set(names)
  const seen = new Set<string>()
  const next = new Map<string, number>()
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name)
      return name
    }
    for (let i = next.get(name) ?? 1; ; i++) {
      const free = `${name}_${i}`
      if (taken.has(free)) continue
      next.set(name, i + 1)
      taken.add(free)
      return free
    }
  })
}
