/** A signal with its own time limit. */
export interface TimeLimit {
  /** Aborts with the outer signal's reason, or with the limit's error. */
  readonly signal: AbortSignal
  /** Clears the timer. Call it when the work has ended. */
  clear(): void
}

/** Limits work to `timeoutMs` milliseconds, within an outer signal. @param toError creates the abort reason */
export function timeLimit(outer: AbortSignal, timeoutMs: number, toError: () => Error): TimeLimit {
  const controller = new AbortController()
  const onAbort = () => controller.abort(outer.reason)
  const timer = setTimeout(() => controller.abort(toError()), timeoutMs)
  outer.addEventListener('abort', onAbort, { once: true })
  if (outer.aborted) onAbort()
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer)
      outer.removeEventListener('abort', onAbort)
    },
  }
}
