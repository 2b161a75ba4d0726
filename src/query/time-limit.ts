/** A signal with a time limit of its own. */
export interface TimeLimit {
  /** Aborts as the outer signal does, or with the limit's error. */
  readonly signal: AbortSignal
  /** Ends the limit; to be called when the work is over. */
  clear(): void
}

/** Limits work to `timeoutMs`, within what an outer signal allows. @param toError what the signal then aborts with */
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
