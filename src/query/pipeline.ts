import { frameOf } from '../arrow/ipc/frame.ts'
import { encodeSchema } from '../arrow/schema.ts'
import { GatewayError } from './errors.ts'
import type { Router } from './router.ts'
import type { Source } from './source.ts'
import type { Context, Plan, PlannedIngest, PlannedStatement, Query, Result } from './types.ts'

/** A stage wraps planning, running or both. It does not know which front called. */
export interface Stage {
  readonly name: string
  plan?(query: Query, ctx: Context, next: (query: Query, ctx: Context) => Promise<Plan>): Promise<Plan>
  run?(
    plan: PlannedStatement,
    ctx: Context,
    next: (plan: PlannedStatement, ctx: Context) => Promise<Result>,
  ): Promise<Result>
}

/** The entry point for fronts. */
export interface Pipeline {
  /** Finds the schema of a query without running it. */
  plan(query: Query, ctx: Context): Promise<Plan>
  /** Runs a plan. */
  run(plan: PlannedStatement, ctx: Context): Promise<Result>
}

/** Composes the stages, outermost first, around the source that the query names. */
export function composePipeline(stages: readonly Stage[], router: Router): Pipeline {
  let plan: Pipeline['plan'] = (query, ctx) => router.ofQuery(query).plan(query, ctx)
  let run: Pipeline['run'] = async (planned, ctx) => {
    const source = router.ofQuery(planned.query)
    if (planned.kind !== 'read' && ctx.changeMark) ctx.changeMark.mayHaveChanged = true
    return planned.kind === 'ingest' ? await ingestInto(source, planned, ctx) : await source.run(planned, ctx)
  }
  for (const stage of [...stages].reverse()) {
    if (stage.plan) {
      const next = plan
      const around = stage.plan.bind(stage)
      plan = (query, ctx) => around(query, ctx, next)
    }
    if (stage.run) {
      const next = run
      const around = stage.run.bind(stage)
      run = (planned, ctx) => around(planned, ctx, next)
    }
  }
  return { plan, run }
}

const noColumns = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })

/** Runs a bulk ingestion at the source. The result has no rows, only the number of inserted rows. */
async function ingestInto(source: Source, { query, ingest }: PlannedIngest, ctx: Context): Promise<Result> {
  if (!source.ingest)
    throw new GatewayError(
      'UNIMPLEMENTED',
      `The source ${source.name} does not support bulk ingestion: use INSERT with parameters.`,
    )
  const affectedRows = await source.ingest(query, ingest, ctx)
  const schema = frameOf(noColumns, new Uint8Array(0), 0)
  return { schema, frames: (async function* () {})(), stats: { rows: 0, bytes: 0, affectedRows } }
}
