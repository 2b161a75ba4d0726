import type { Capabilities } from './capabilities.ts'
import type { Catalog } from './catalog.ts'
import type { Ingest } from './ingest.ts'
import type { Context, Health, Plan, PlannedSql, Query, Result } from './types.ts'

/** Transactions of an engine. Each lives where it began: its id means nothing on another replica. */
export interface SourceTransactions {
  /** Begins one under this id; queries that carry the id run in it, never two at a time. @throws GatewayError */
  begin(id: string, options: { readonly readOnly: boolean }, ctx: Context): Promise<void>
  /** Ends it for good, also when that fails. @throws GatewayError CONFLICT when it could not be committed */
  commit(id: string, ctx: Context): Promise<void>
  /** Ends it and undoes what it changed; nothing happens when it is over. */
  rollback(id: string, ctx: Context): Promise<void>
  /** Absent where the engine has none. */
  readonly savepoints?: SourceSavepoints
}

/** Places in a transaction to which it can be rolled back. */
export interface SourceSavepoints {
  /** Begins one in a transaction; answers with its id. @throws GatewayError */
  begin(transaction: string, name: string, ctx: Context): Promise<Uint8Array>
  /** Ends one: `release` keeps what came after it, `rollback` undoes that. @throws GatewayError */
  end(transaction: string, savepoint: Uint8Array, action: 'release' | 'rollback', ctx: Context): Promise<void>
}

/** The port behind which every engine stands. Errors are GatewayErrors; anything else counts as an internal fault. */
export interface Source {
  /** Name in the configuration. */
  readonly name: string
  /** `duckdb`, `flightsql`, ... */
  readonly kind: string
  /** Whether statements that change data are allowed at all. */
  readonly writes: boolean
  readonly catalog: Catalog
  /** Absent when the engine has none. */
  readonly transactions?: SourceTransactions
  /** Finds the schema of a query without running it. */
  plan(query: Query, ctx: Context): Promise<Plan>
  /** Runs a plan, on this or another replica than the one that made it. */
  run(plan: PlannedSql, ctx: Context): Promise<Result>
  /**
   * Puts rows into a table, all or none unless in a transaction; answers with their number. Absent where the engine cannot.
   * @throws GatewayError UNKNOWN_OBJECT, ALREADY_EXISTS, BAD_DATA
   */
  ingest?(query: Query, ingest: Ingest, ctx: Context): Promise<number>
  /** What the engine can do; absent where it is what the other members show, and its SQL DuckDB's. @throws GatewayError */
  facts?(ctx: Context): Promise<Capabilities>
  /** Answers within the context's deadline whether queries can be expected to work. */
  health(ctx: Context): Promise<Health>
  /** Whether threads may be at work that the end of the process would wait for; absent where there are none. */
  readonly hasActiveThreads?: boolean
  /**
   * Ends everything that runs and frees what the source holds. What does not end in a few seconds is left: `hasActiveThreads` stays
   * true then.
   */
  close(): Promise<void>
}
