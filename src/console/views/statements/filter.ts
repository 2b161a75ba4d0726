/** What a filter looks at. */
interface Filtered {
  readonly id: string
  readonly principal: string
  readonly data_source: string
  readonly query: string
}

/** Whether a statement has each word of a filter in its principal, source, text or id; upper and lower case are the same. */
export function matchesFilter({ id, principal, data_source, query }: Filtered, filter: string): boolean {
  const text = `${principal}\n${data_source}\n${query}\n${id}`.toLowerCase()
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}
