import type { Catalog } from './catalog.ts'
import type { Context, Health, Plan, Query, Result, Runnable } from './types.ts'

/** The port behind which every engine stands. Errors are GatewayErrors; anything else counts as an internal fault. */
export interface Source {
  /** Name in the configuration. */
  readonly name: string
  /** `duckdb`, `flightsql`, ... */
  readonly kind: string
  /** Whether statements that change data are allowed at all. */
  readonly writes: boolean
  readonly catalog: Catalog
  /** Finds the schema of a query without running it. */
  plan(query: Query, ctx: Context): Promise<Plan>
  /** Runs a plan, on this or another replica than the one that made it. */
  run(plan: Runnable, ctx: Context): Promise<Result>
  /** Answers within the context's deadline whether queries can be expected to work. */
  health(ctx: Context): Promise<Health>
  /** Ends everything that runs and frees what the source holds. */
  close(): Promise<void>
}
