const INTERVAL_MS = 10
/** This limit only ends a test that hangs; it is no expectation of speed. */
const LIMIT_MS = 60_000

/**
 * Waits until a condition holds: a metric, a log line, a state. Tests wait with this function, not for a fixed time.
 * @param condition returns something truthy when it holds; may be asynchronous
 * @param what the condition in words, for the error message
 * @returns the truthy value of the condition
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
