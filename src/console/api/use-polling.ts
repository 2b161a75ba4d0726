import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { type ApiError, apiErrorOf, isAborted } from './api-error.ts'

const MAX_INTERVAL_MS = 30_000

/** What `usePolling` knows. */
export interface Polled<T> {
  /** The newest answer; an error keeps the one before. */
  readonly data: Signal<T | undefined>
  /** Why the newest call failed; undefined if it has not. */
  readonly error: Signal<ApiError | undefined>
  /** Asks now. */
  refresh(): void
}

/**
 * Asks for an answer again and again while the component is shown. One call at a time: the interval begins when the answer has come.
 * It pauses while the tab is hidden or `isPaused`, and slows down while calls fail.
 * @param load asks; another function asks at once
 */
export function usePolling<T>(
  load: (signal: AbortSignal) => Promise<T>,
  intervalMs: number,
  isPaused = false,
): Polled<T> {
  const data = useSignal<T | undefined>(undefined)
  const error = useSignal<ApiError | undefined>(undefined)
  const refresh = useRef(() => {})
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let running: AbortController | undefined
    let failures = 0
    const ask = async () => {
      clearTimeout(timer)
      running?.abort()
      const controller = new AbortController()
      running = controller
      try {
        data.value = await load(controller.signal)
        error.value = undefined
        failures = 0
      } catch (thrown) {
        if (isAborted(thrown)) return
        error.value = apiErrorOf(thrown)
        failures++
      }
      if (running === controller) running = undefined
      plan()
    }
    const plan = () => {
      clearTimeout(timer)
      if (document.hidden || isPaused) return
      timer = setTimeout(() => void ask(), Math.min(intervalMs * 2 ** failures, MAX_INTERVAL_MS))
    }
    const onVisibility = () => {
      if (document.hidden) clearTimeout(timer)
      else if (!isPaused) void ask()
    }
    refresh.current = () => void ask()
    if (!isPaused || data.peek() === undefined) void ask()
    document.addEventListener('visibilitychange', onVisibility)
    return () => {
      document.removeEventListener('visibilitychange', onVisibility)
      clearTimeout(timer)
      running?.abort()
    }
  }, [load, intervalMs, isPaused, data, error])
  return { data, error, refresh: () => refresh.current() }
}
