import type { Router } from './router.ts'
import type { Context, Plan, Query, Result, Runnable } from './types.ts'

/** A stage wraps planning, running or both; it never knows which front called. */
export interface Stage {
  readonly name: string
  plan?(query: Query, ctx: Context, next: (query: Query, ctx: Context) => Promise<Plan>): Promise<Plan>
  run?(plan: Runnable, ctx: Context, next: (plan: Runnable, ctx: Context) => Promise<Result>): Promise<Result>
}

/** What a front calls. */
export interface Pipeline {
  /** Finds the schema of a query without running it. */
  plan(query: Query, ctx: Context): Promise<Plan>
  /** Runs a plan. */
  run(plan: Runnable, ctx: Context): Promise<Result>
}

/** The stages, outermost first, around the source that the query names. */
export function composePipeline(stages: readonly Stage[], router: Router): Pipeline {
  let plan: Pipeline['plan'] = (query, ctx) => router.named(query.source).plan(query, ctx)
  let run: Pipeline['run'] = (runnable, ctx) => router.named(runnable.query.source).run(runnable, ctx)
  for (const stage of [...stages].reverse()) {
    if (stage.plan) {
      const next = plan
      const around = stage.plan.bind(stage)
      plan = (query, ctx) => around(query, ctx, next)
    }
    if (stage.run) {
      const next = run
      const around = stage.run.bind(stage)
      run = (runnable, ctx) => around(runnable, ctx, next)
    }
  }
  return { plan, run }
}
