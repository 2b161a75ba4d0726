/**
 * Works on items in their order, on at most `max` at the same time. Waits until all work has ended, also after a failure.
 * @throws the first error of `work`; no further item begins after it
 */
export async function concurrently<T>(
  items: readonly T[],
  max: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  let failure: { readonly error: unknown } | undefined
  const worker = async () => {
    while (next < items.length && !failure) {
      const index = next++
      try {
        await work(items[index]!, index)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(max, items.length) }, worker))
  if (failure) throw failure.error
}
