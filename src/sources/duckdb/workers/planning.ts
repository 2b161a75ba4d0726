import { availableParallelism } from 'node:os'
import { GatewayError } from '../../../query/errors.ts'
import { ConcurrencyLimiter } from '../../../query/limits/concurrency-limiter.ts'
import { timeLimit } from '../../../query/time-limit.ts'
import { type Context, holderOf } from '../../../query/types.ts'
import { WorkerPool } from './worker-pool.ts'

/** Time limits of planning. */
export interface PlanLimits {
  /** Longest time for planning one statement, in milliseconds. */
  readonly planTimeoutMs: number
  /** Longest wait for a planner, in milliseconds. */
  readonly queueWaitMs: number
}

export const defaultPlanLimits: PlanLimits = { planTimeoutMs: 10_000, queueWaitMs: 10_000 }

const MAX_WAITING = 1000
/** Statements of one principal that are planned at the same time. */
const MAX_HELD = Math.max(1, Math.min(2, availableParallelism() - 1))
/** One planner more, so that one principal never takes all. */
const PLANNERS = MAX_HELD + 1
/**
 * Stuck workers that one principal may have: DuckDB checks no interrupt while it binds, so a cancelled plan keeps its worker
 * busy.
 */
const MAX_STUCK_HELD = 2 * MAX_HELD

/**
 * The worker threads that plan statements, shared fairly between principals: no principal has all of them, and the limiter
 * serves waiting principals in turn. Each statement has a time limit. When DuckDB exceeds it, the worker counts as stuck and
 * another one takes its place.
 */
export class Planning {
  /** One worker more than planners, for short control statements. */
  readonly workers: WorkerPool
  readonly #limiter: ConcurrencyLimiter
  readonly #limits: PlanLimits

  /** @param writes whether statements may change data */
  constructor(limits: PlanLimits, writes: boolean) {
    this.#limits = limits
    this.workers = new WorkerPool(PLANNERS + 1, writes, 1, MAX_STUCK_HELD)
    this.#limiter = new ConcurrencyLimiter({
      noun: 'planner',
      slots: PLANNERS,
      maxHeld: () => MAX_HELD,
      maxQueued: MAX_WAITING,
      get queueWaitMs() {
        return limits.queueWaitMs
      },
    })
  }

  /** Longest time for planning one statement, in milliseconds. */
  get timeoutMs(): number {
    return this.#limits.planTimeoutMs
  }

  /** Whether a worker is available that no planner will need. */
  get hasSpareWorker(): boolean {
    return this.workers.spare > PLANNERS - this.#limiter.inUse
  }

  /**
   * Waits for a planner, then runs `work` with the time limit.
   * @throws GatewayError PLAN_TIMEOUT; QUEUE_FULL or QUEUE_TIMEOUT when no planner is available; the signal's reason;
   * whatever `work` throws
   */
  async dispatch(ctx: Context, work: (signal: AbortSignal, holder: string) => Promise<void>): Promise<void> {
    const holder = holderOf(ctx)
    const release = await this.#limiter.acquire(ctx.signal, holder)
    const { signal, clear } = timeLimit(ctx.signal, this.timeoutMs, () => this.#timeoutError())
    try {
      await work(signal, holder)
    } finally {
      clear()
      release()
    }
  }

  #timeoutError(): GatewayError {
    return new GatewayError(
      'PLAN_TIMEOUT',
      `Planning the statement takes more than ${this.timeoutMs} ms (limits.planTimeoutMs): ask for fewer columns, joins or nested levels.`,
    )
  }
}
