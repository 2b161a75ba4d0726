import { availableParallelism } from 'node:os'
import { GatewayError } from '../../../query/errors.ts'
import { ConcurrencyLimiter } from '../../../query/limits/concurrency-limiter.ts'
import { timeLimit } from '../../../query/time-limit.ts'
import { type Context, holderOf } from '../../../query/types.ts'
import { WorkerPool } from './worker-pool.ts'

/** What planning may take. */
export interface PlanLimits {
  /** Longest planning of one statement, in milliseconds. */
  readonly planTimeoutMs: number
  /** Longest wait for it to begin, in milliseconds. */
  readonly queueWaitMs: number
}

export const defaultPlanLimits: PlanLimits = { planTimeoutMs: 10_000, queueWaitMs: 10_000 }

const MAX_WAITING = 1000
/** Statements of one holder that are planned at the same time. */
const MAX_HELD = Math.max(1, Math.min(2, availableParallelism() - 1))
/** One planner is always for others. */
const PLANNERS = MAX_HELD + 1
/** Workers of one holder that may go on with what was given up: DuckDB looks at no interrupt while it binds. */
const MAX_STUCK_HELD = 2 * MAX_HELD

/**
 * The workers that plan, shared between holders: one never has all of them, those who wait are served in turn, and each
 * statement has a time limit. What does not end then is left to its worker, and another takes that one's place.
 */
export class Planning {
  /** One more than planners, for work that is none. */
  readonly seats: WorkerPool
  readonly #turns: ConcurrencyLimiter
  readonly #timeoutMs: number

  /** @param writes whether statements may change data */
  constructor({ planTimeoutMs, queueWaitMs }: PlanLimits, writes: boolean) {
    this.seats = new WorkerPool(PLANNERS + 1, writes, 1, MAX_STUCK_HELD)
    this.#turns = new ConcurrencyLimiter({
      noun: 'planner',
      slots: PLANNERS,
      maxHeld: () => MAX_HELD,
      maxQueued: MAX_WAITING,
      queueWaitMs,
    })
    this.#timeoutMs = planTimeoutMs
  }

  /** Whether a worker is free that no planner will need. */
  get hasSpareSeat(): boolean {
    return this.seats.spare > PLANNERS - this.#turns.inUse
  }

  /**
   * Waits for a planner and has the work done in time.
   * @throws GatewayError PLAN_TIMEOUT; QUEUE_FULL or QUEUE_TIMEOUT when it cannot begin; the signal's reason; as `work`
   */
  async dispatch(ctx: Context, work: (signal: AbortSignal, holder: string) => Promise<void>): Promise<void> {
    const holder = holderOf(ctx)
    const endTurn = await this.#turns.acquire(ctx.signal, holder)
    const { signal, clear } = timeLimit(ctx.signal, this.#timeoutMs, () => this.#overdue())
    try {
      await work(signal, holder)
    } finally {
      clear()
      endTurn()
    }
  }

  #overdue(): GatewayError {
    return new GatewayError(
      'PLAN_TIMEOUT',
      `Planning the statement takes more than ${this.#timeoutMs} ms (limits.planTimeoutMs): ask for fewer columns, joins or nested levels.`,
    )
  }
}
