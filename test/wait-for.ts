const INTERVAL_MS = 10
/** How long something may take to come about says nothing of its correctness: the limit only ends a test that hangs. */
const LIMIT_MS = 60_000

/**
 * Waits until a condition holds: a metric, a log line, a state. The way of tests to wait; none waits for a time to pass.
 * @param condition gives something truthy when it holds; a promise is waited for
 * @param what the condition in words, for the error when it does not come to hold
 * @returns what the condition gave
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  what: string,
  withinMs = LIMIT_MS,
): Promise<NonNullable<T>> {
  for (const until = performance.now() + withinMs; performance.now() < until; ) {
    const found = await condition()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
  }
  throw new Error(`waited ${withinMs} ms in vain: ${what}`)
}
