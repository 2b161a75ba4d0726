/** What the settings of a source have for callers, by the name of the principal or of a group. */
export interface CallerEntries<T> {
  readonly principals: Readonly<Record<string, T>>
  readonly groups: Readonly<Record<string, T>>
}

/** An entry that stands for a caller, and by which name. */
export interface CallerEntry<T> {
  readonly kind: 'principal' | 'group'
  readonly name: string
  readonly value: T
}

/** The entry of a caller: that of its name, else that of the first group in the settings that is one of its own. */
export function entryOfCaller<T>(
  { principals, groups: ofGroups }: CallerEntries<T>,
  { name, groups = [] }: { readonly name: string; readonly groups?: readonly string[] },
): CallerEntry<T> | undefined {
  if (Object.hasOwn(principals, name)) return { kind: 'principal', name, value: principals[name]! }
  const found = Object.entries(ofGroups).find(([group]) => groups.includes(group))
  return found && { kind: 'group', name: found[0], value: found[1] }
}
