/** Returns a function that tells whether any of the members that a set has now is still in it. */
export function stillIn(set: ReadonlySet<unknown>): () => boolean {
  const members = [...set]
  return () => members.some((each) => set.has(each))
}
