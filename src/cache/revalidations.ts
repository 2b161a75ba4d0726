import { deriveContext } from '../query/derive-context.ts'
import { GatewayError } from '../query/errors.ts'
import type { Context, Logger, Result } from '../query/types.ts'

/** Limits of background runs. */
export interface RevalidationLimits {
  /** Most statements that run in the background at the same time. */
  readonly maxAtOnce: number
  /** Time limit of each, in milliseconds. */
  readonly timeoutMs: number
}

/** Time after a failure in which the key is not run again in the background, in milliseconds. */
const RETRY_AFTER_MS = 1000
/** Most failures that are remembered. */
const MAX_FAILURES = 10_000

/** Runs the statements of stale entries again in the background: at most one per key, and a limited number overall. */
export class Revalidations {
  readonly #limits: RevalidationLimits
  readonly #onEnd: (outcome: 'succeeded' | 'failed') => void
  readonly #running = new Map<string, Promise<void>>()
  readonly #failedAt = new Map<string, number>()
  readonly #closing = new AbortController()

  constructor(limits: RevalidationLimits, onEnd: (outcome: 'succeeded' | 'failed') => void) {
    this.#limits = limits
    this.#onEnd = onEnd
  }

  /**
   * Starts a run for the principal of `outer`, unless one of the key is under way, one has just failed, or too many run.
   * @param run returns the result, which is read to its end here
   */
  start(key: string, outer: Context, run: (ctx: Context) => Promise<Result>): void {
    if (this.#closing.signal.aborted || this.#running.has(key) || this.#running.size >= this.#limits.maxAtOnce) return
    if (performance.now() - (this.#failedAt.get(key) ?? Number.NEGATIVE_INFINITY) < RETRY_AFTER_MS) return
    const running = this.#run(key, outer, run).finally(() => this.#running.delete(key))
    this.#running.set(key, running)
  }

  /** Ends the runs. */
  async close(): Promise<void> {
    this.#closing.abort(new GatewayError('DRAINING'))
    await Promise.all(this.#running.values())
  }

  async #run(key: string, outer: Context, run: (ctx: Context) => Promise<Result>): Promise<void> {
    const { timeoutMs } = this.#limits
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(new GatewayError('DEADLINE')), timeoutMs)
    const { log, requestId } = outer
    // The statement outlives the call that found the stale rows.
    const ctx = deriveContext(outer, {
      signal: AbortSignal.any([limit.signal, this.#closing.signal]),
      deadlineAt: Date.now() + timeoutMs,
      connection: undefined,
      trackProgress: undefined,
      trace: {},
      changeMark: undefined,
      heldReports: undefined,
    })
    try {
      const { frames } = await run(ctx)
      for await (const each of frames) for (const frame of each) frame.release?.()
      this.#failedAt.delete(key)
      this.#onEnd('succeeded')
    } catch (error) {
      this.#onFailed(key, error, log, requestId)
    } finally {
      clearTimeout(timer)
    }
  }

  #onFailed(key: string, error: unknown, log: Logger, requestId: string): void {
    if (this.#failedAt.size >= MAX_FAILURES) this.#failedAt.clear()
    this.#failedAt.set(key, performance.now())
    this.#onEnd('failed')
    const { code } = GatewayError.from(error)
    log.info({ event: 'cache_revalidation_failed', requestId, code }, 'a stale result could not be run again')
  }
}
