import type { SourceCost } from './billing/source-cost.ts'
import type { Capabilities } from './capabilities.ts'
import type { Catalog } from './catalog.ts'
import type { Definitions } from './facts/definitions.ts'
import type { SqlDialect } from './facts/dialect.ts'
import type { Ingest } from './ingest.ts'
import type { Context, Health, Plan, PlannedSql, Query, Result } from './types.ts'

/** Transactions of an engine. A transaction lives on the replica that began it; other replicas do not know its id. */
export interface SourceTransactions {
  /** Begins a transaction with this id. Queries with the id run in it, one at a time. @throws GatewayError */
  begin(id: string, options: { readonly readOnly: boolean }, ctx: Context): Promise<void>
  /** Commits. The transaction ends even if this fails. @throws GatewayError CONFLICT if the engine cannot commit */
  commit(id: string, ctx: Context): Promise<void>
  /** Rolls back. Does nothing if the transaction has ended. */
  rollback(id: string, ctx: Context): Promise<void>
  /** Absent if the engine has no savepoints. */
  readonly savepoints?: SourceSavepoints
}

/** Savepoints of an engine. */
export interface SourceSavepoints {
  /** Begins a savepoint in a transaction and returns its id. @throws GatewayError */
  begin(transaction: string, name: string, ctx: Context): Promise<Uint8Array>
  /** Ends a savepoint: `release` keeps the changes since it began, `rollback` undoes them. @throws GatewayError */
  end(transaction: string, savepoint: Uint8Array, action: 'release' | 'rollback', ctx: Context): Promise<void>
}

/** Who decides about a circuit breaker: its own counts, or an operator who holds it open or closed. */
export type BreakerMode = 'automatic' | 'open' | 'closed'

/** State of one server of a source. */
export interface EndpointStatus {
  /** Such as `grpc://10.0.0.5:32010`. */
  readonly address: string
  readonly breaker: 'closed' | 'open' | 'half-open'
  readonly breakerMode: BreakerMode
  /** Pooled connections that are open. */
  readonly connections: number
  /** Pooled connections that carry a call. */
  readonly busyConnections: number
  /** Calls that wait for a connection. */
  readonly waiting: number
  /** Largest number of connections. */
  readonly maxConnections: number
}

/** The port that every engine implements. It throws GatewayErrors; any other error counts as an internal fault. */
export interface Source {
  /** Name in the configuration. */
  readonly name: string
  /** `duckdb`, `flightsql`, ... */
  readonly kind: string
  /** Whether the source allows statements that change data. */
  readonly writes: boolean
  /** How its engine reads SQL; `standard` if absent. */
  readonly dialect?: SqlDialect
  /** Whether the estimate of each plan tells all tables that the statement reads, also those behind views. */
  readonly tellsTables?: boolean
  readonly catalog: Catalog
  /** Absent if the engine has no transactions. */
  readonly transactions?: SourceTransactions
  /** Finds the schema of a query without running it. */
  plan(query: Query, ctx: Context): Promise<Plan>
  /**
   * Returns a plan as it is for other statements of the same text, in the next seconds: without what only one run can use. Absent if
   * the source plans without asking a server, or keeps its plans itself.
   */
  reusablePlan?(plan: Plan): Plan
  /** Runs a plan, possibly on another replica than the one that made it. */
  run(plan: PlannedSql, ctx: Context): Promise<Result>
  /**
   * Inserts rows into a table and returns their number. Outside a transaction, inserts all rows or none. Absent if unsupported.
   * @throws GatewayError UNKNOWN_OBJECT, ALREADY_EXISTS, BAD_DATA
   */
  ingest?(query: Query, ingest: Ingest, ctx: Context): Promise<number>
  /** Capabilities. If absent, derived from the other members, with DuckDB's dialect. @throws GatewayError */
  capabilities?(ctx: Context): Promise<Capabilities>
  /** Checks, within the context's deadline, whether queries can be expected to work. */
  health(ctx: Context): Promise<Health>
  /** The servers behind the source, in the order of the configuration; absent for an embedded engine. */
  endpoints?(): readonly EndpointStatus[]
  /**
   * Holds the circuit breakers of its servers open or closed, or leaves them to their counts again; absent if it has none.
   * @param address of one server, as `EndpointStatus.address`; by default all
   * @throws GatewayError BAD_REQUEST if there is no such server
   */
  setBreaker?(mode: BreakerMode, address?: string): void
  /** What its users have defined; absent if the source cannot tell. Known ones are returned at once. @throws GatewayError */
  definitions?(): Definitions | Promise<Definitions>
  /** Present if the engine bills its statements. */
  readonly cost?: SourceCost
  /** Whether threads may be running that would delay the end of the process; absent if the source has no threads. */
  readonly hasActiveThreads?: boolean
  /**
   * Ends all running work and frees the source's resources. Work that does not end within a few seconds is abandoned:
   * `hasActiveThreads` then stays true.
   */
  close(): Promise<void>
}
