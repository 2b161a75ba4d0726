import { randomUUID } from 'node:crypto'
import { deriveContext } from '../query/derive-context.ts'
import { GatewayError } from '../query/errors.ts'
import type { Ingest } from '../query/ingest.ts'
import type { Pipeline } from '../query/pipeline.ts'
import type { Router } from '../query/router.ts'
import type { Sealer } from '../query/seal/sealer.ts'
import type { StatementTrace } from '../query/statement-trace.ts'
import type { Transactions } from '../query/transactions/transactions.ts'
import type { Context, Plan, Query, Result } from '../query/types.ts'
import type { Blobs } from '../state/blobs.ts'
import type { Bus } from '../state/bus.ts'
import type { Store } from '../state/store.ts'
import { BackgroundStatements } from './background-statements.ts'
import type { BatchLimits } from './batch/batch-bounds.ts'
import type { BatchCheck, FreeStatements, TakeRequests } from './batch/batch-dependencies.ts'
import { Batches } from './batch/batches.ts'
import { ParameterStore } from './bound-parameters.ts'
import { type CallOptions, withCallOptions } from './call-options.ts'
import { type PreparedStatement, preparedHandles } from './handles/prepared.ts'
import type { StatementTicket } from './handles/ticket.ts'
import { checkMayChange, checkMayRun } from './option-headers.ts'
import { PolledStatements } from './polled-statements.ts'
import { QueryBuilder } from './query-builder.ts'
import { StatementRequests } from './requests/statement-requests.ts'
import { RunningStatements } from './running-statements.ts'
import { Sessions } from './sessions.ts'
import { StoredResults } from './stored-results.ts'

/** Limits of statements; see `docs/configuration.md`, `limits`. */
export interface StatementLimits extends BatchLimits {
  readonly ticketTtlMs: number
  readonly maxStatementBytes: number
  readonly maxParameterBytes: number
  readonly sessionIdleMs: number
  readonly maxSessionsPerPrincipal: number
  readonly pollIdleMs: number
  readonly defaultDeadlineMs: number
}

/** Dependencies of `Statements`. */
export interface StatementsDependencies {
  readonly pipeline: Pipeline
  readonly router: Router
  readonly transactions: Transactions
  readonly sealer: Sealer
  /** Sessions, and marks of cancelled and claimed executions. */
  readonly store: Store
  /** Bound parameters, and results of statements that change data. */
  readonly blobs: Blobs
  /** Carries cancels between replicas. */
  readonly bus: Bus
  readonly limits: StatementLimits
  /** Checks each batch as a whole before it runs; absent if nothing is checked. */
  readonly checkBatch?: BatchCheck | undefined
  /** Bounds how many statements of a batch run at the same time by default; absent if they are not limited. */
  readonly freeStatements?: FreeStatements | undefined
  /** Takes the requests of each batch; absent if requests are not limited. */
  readonly takeRequests?: TakeRequests | undefined
}

/** A statement that is planned and, if it changes data, has run. The client fetches its result with the ticket. */
export interface BegunStatement {
  readonly plan: Plan
  readonly ticket: StatementTicket
  /** What the stages tell of a statement that has run. */
  readonly trace?: StatementTrace
}

/** Statement operations shared by all fronts; independent of gRPC and Flight. */
export class Statements {
  readonly queries: QueryBuilder
  readonly sessions: Sessions
  readonly parameters: ParameterStore
  readonly results: StoredResults
  readonly running: RunningStatements
  readonly background: BackgroundStatements
  readonly polled: PolledStatements
  readonly requests: StatementRequests
  readonly batches: Batches
  readonly #pipeline: Pipeline
  readonly #sealer: Sealer
  readonly #transactions: Transactions

  constructor(deps: StatementsDependencies) {
    const { pipeline, store, blobs, sealer, limits } = deps
    this.#pipeline = pipeline
    this.#sealer = sealer
    this.#transactions = deps.transactions
    this.queries = new QueryBuilder(deps)
    this.sessions = new Sessions(store, limits)
    this.parameters = new ParameterStore(blobs, limits)
    this.results = new StoredResults(deps)
    this.running = new RunningStatements(deps)
    this.background = new BackgroundStatements(limits, this.running)
    const { parameters, results, running, background } = this
    this.polled = new PolledStatements({ pipeline, parameters, results, running, background, limits })
    this.requests = new StatementRequests({ ...deps, queries: this.queries })
    this.batches = new Batches({ ...deps, requests: this.requests, parameters, check: deps.checkBatch })
  }

  /** Plans a query for its schema and its parameters only. @throws GatewayError */
  async describe(query: Query, ctx: Context): Promise<Plan> {
    return await this.#pipeline.plan({ ...query, describe: true }, ctx)
  }

  /** Plans a statement for its estimate. Nothing runs. @throws GatewayError as the pipeline */
  async estimate({ query }: PreparedStatement, ctx: Context): Promise<Plan> {
    return await this.#pipeline.plan({ ...query, estimate: true }, ctx)
  }

  /**
   * Plans a statement and returns its ticket. Some clients (ADBC) drop a ticket without redeeming it, so a statement that changes
   * data runs here, once, whether or not the client fetches the result.
   * @throws GatewayError as the pipeline; BAD_REQUEST for a call that wants only an estimate
   */
  async begin({ query, bound }: PreparedStatement, ctx: Context): Promise<BegunStatement> {
    checkMayRun(ctx)
    const id = randomUUID()
    const plan = await this.#pipeline.plan(query, ctx)
    const stored = plan.kind === 'update'
    const ticket = { id, statement: plan, stored, ...(bound && { bound }) }
    if (!stored) return { plan, ticket }
    const trace: StatementTrace = {}
    const rows = await this.results.runForTicket(plan, deriveContext(ctx, { trace }), id)
    return { plan, ticket: { ...ticket, ...rows }, trace }
  }

  /** Returns the ticket of a statement that the gateway itself has executed; the result has no columns. */
  beginDone(query: Query, ctx: Context): StatementTicket {
    checkMayRun(ctx)
    return { id: randomUUID(), statement: { kind: 'update', query }, stored: true, ...this.results.empty }
  }

  /**
   * Runs a statement that must change data, to its end.
   * @returns the number of changed rows; -1 when unknown
   * @throws GatewayError as the pipeline; BAD_REQUEST for a call that wants only an estimate
   */
  async change(query: Query, ctx: Context): Promise<number> {
    checkMayChange(ctx)
    checkMayRun(ctx)
    const plan = await this.#pipeline.plan({ ...query, purpose: 'write' }, ctx)
    return await countRows(await this.#pipeline.run({ ...plan, query }, ctx))
  }

  /** Inserts rows into a table and returns their number. @throws GatewayError as `change` */
  async ingest(query: Query, ingest: Ingest, ctx: Context): Promise<number> {
    checkMayChange(ctx)
    checkMayRun(ctx)
    return await countRows(await this.#pipeline.run({ kind: 'ingest', query, ingest }, ctx))
  }

  /** @throws OwnedElsewhere if the query belongs to a transaction that another process has */
  checkHere({ transaction }: Query): void {
    if (transaction !== undefined) this.#transactions.checkHere(transaction)
  }

  /**
   * Opens the handle of a prepared statement and loads its parameters.
   * @throws GatewayError BAD_HANDLE, EXPIRED_TICKET, FOREIGN_TICKET; as `checkHere`
   */
  async prepared(handle: Uint8Array, ctx: Context): Promise<PreparedStatement> {
    const { query, bound } = preparedHandles.open(this.#sealer, ctx.principal, handle).value
    this.checkHere(query)
    return bound ? { query: { ...query, parameters: await this.parameters.load(bound) }, bound } : { query }
  }

  /**
   * Returns the result of a ticket. The first reader of a polled statement gets its waiting result; others start a new run.
   * @param options of the call, in place of those of the ticket, if the statement starts
   * @throws GatewayError as the pipeline; BAD_REQUEST for a call that wants only an estimate
   */
  async resultOf(ticket: StatementTicket, ctx: Context, options?: CallOptions): Promise<Result> {
    checkMayRun(ctx)
    const waiting = this.background.take(ticket.id)
    if (!waiting) {
      const statement = await this.parameters.loadStatement(ticket)
      const { query } = statement
      const own = options && { ...statement, query: { ...query, session: withCallOptions(query.session, options) } }
      return await this.#pipeline.run(own ?? statement, ctx)
    }
    const { result, controller, trace } = waiting
    ctx.span?.link(trace.span)
    if (ctx.trace && trace.cache) ctx.trace.cache = trace.cache
    ctx.signal.addEventListener('abort', () => controller.abort(ctx.signal.reason), { once: true })
    controller.signal.addEventListener('abort', () => ctx.reader?.end(GatewayError.from(controller.signal.reason)))
    return result
  }
}

/** Reads the result of a change to its end and returns the number of changed rows. */
async function countRows({ frames, stats }: Result): Promise<number> {
  for await (const each of frames) for (const frame of each) frame.release?.()
  return stats.affectedRows
}
