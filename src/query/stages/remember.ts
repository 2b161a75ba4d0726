import type { EndedStatement, RecentStatements } from '../control/recent-statements.ts'
import { GatewayError } from '../errors.ts'
import type { Stage } from '../pipeline.ts'
import { endFailure } from '../results/end-failure.ts'
import { holding, type ReadStats, type ResultObserver } from '../results/holding.ts'
import type { Context, PlannedStatement } from '../types.ts'

/**
 * Remembers each statement that has ended, with its time split into its parts, and each one that could not be planned. It notes the
 * time to plan in the plan, so that a statement which another call or another process planned has it too.
 */
export function remember(recent: Pick<RecentStatements, 'add'>): Stage {
  return {
    name: 'remember',
    async plan(query, ctx, next) {
      const startedAt = Date.now()
      const from = performance.now()
      try {
        const plan = await next(query, ctx)
        return { ...plan, planMs: Math.round((performance.now() - from) * 100) / 100 }
      } catch (thrown) {
        const failure = GatewayError.from(thrown)
        const planMs = performance.now() - from
        const report = () => recent.add({ query, ctx, failure, startedAt, planMs, rows: 0, bytes: 0 })
        if (ctx.heldReports) ctx.heldReports.push(report)
        else report()
        throw thrown
      }
    },
    run: (plan, ctx, next) => holding(() => next(plan, ctx), new TimedStatement(plan, ctx, recent)),
  }
}

/** Measures one statement while its result is read. */
class TimedStatement implements ResultObserver {
  readonly #plan: PlannedStatement
  readonly #ctx: Context
  readonly #recent: Pick<RecentStatements, 'add'>
  readonly #startedAt = Date.now()
  readonly #from = performance.now()
  #firstBatchAt: number | undefined

  constructor(plan: PlannedStatement, ctx: Context, recent: Pick<RecentStatements, 'add'>) {
    this.#plan = plan
    this.#ctx = ctx
    this.#recent = recent
  }

  onBatch(): void {
    this.#firstBatchAt ??= performance.now()
  }

  onEnd(error: unknown, complete: boolean, { rows, bytes }: ReadStats): void {
    const plan = this.#plan
    const endedAt = performance.now()
    const beganMs = this.#from + (this.#ctx.trace?.queueWaitMs ?? 0)
    const ended: EndedStatement = {
      query: plan.query,
      ctx: this.#ctx,
      failure: endFailure(error, complete, this.#ctx.signal),
      startedAt: this.#startedAt,
      planMs: plan.kind === 'ingest' ? undefined : plan.planMs,
      firstByteMs: Math.max(0, (this.#firstBatchAt ?? endedAt) - beganMs),
      streamMs: this.#firstBatchAt === undefined ? undefined : endedAt - this.#firstBatchAt,
      rows,
      bytes,
    }
    this.#recent.add(ended)
  }
}
