import { MessageChannel } from 'node:worker_threads'
import { LRUCache } from 'lru-cache'
import type { Catalog } from '../../query/catalog.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Ingest } from '../../query/ingest.ts'
import type { Source } from '../../query/source.ts'
import type { Context, Health, Logger, Plan, PlannedSql, Query, Result, SessionOptions } from '../../query/types.ts'
import { DuckDbCatalog } from './catalog.ts'
import { ConnectionPool, type Lender } from './connections/connection-pool.ts'
import { DuckDbTransactions, type ExecuteOn } from './connections/transactions.ts'
import { readOnlyError } from './errors.ts'
import { closeDatabase } from './native/database.ts'
import type { Address } from './native/library.ts'
import type { DuckDbConfig } from './settings.ts'
import { makesTemporary } from './sql/makes-temporary.ts'
import {
  connectionSetup,
  DEFAULT_SCHEMA,
  lockStatement,
  openEngine,
  progressSetup,
  quoteIdentifier,
  startStatements,
  threadsOf,
  threadsSetup,
} from './sql/startup.ts'
import { isUpdateKind } from './sql/statement-kind.ts'
import { readStatementWords, refuseForbiddenFunctions } from './sql/statement-words.ts'
import { promisedDigest } from './types/announced-schema.ts'
import { Dispatcher } from './workers/dispatcher.ts'
import type { Job } from './workers/job.ts'
import type { Description, Order, UseSchema } from './workers/messages.ts'
import { defaultPlanLimits, type PlanLimits, Planning } from './workers/planning.ts'
import { TaskThreads } from './workers/task-threads.ts'
import { feed } from './workers/upload-feeder.ts'
import { WorkerPool } from './workers/worker-pool.ts'

/** What a source needs from outside. */
export interface DuckDbDependencies {
  readonly log: Logger
  /** By default 10 s each. */
  readonly limits?: PlanLimits
}

const MAX_OPEN_AHEAD = 32
/** With more threads than these DuckDB keeps its own: each of ours takes about 18 MB, and cores are not what is short. */
const MAX_HELPED_THREADS = 4
const PLAN_CACHE_BYTES = 32 << 20
const MAX_CONTROLLERS = 2
/** EXPLAIN ANALYZE runs what it explains, and a procedure may do anything. */
const mayHideChange = /\b(analyze|call)\b/i
const never = new AbortController().signal
/** Longest wait for workers and helpers when the source is closed, in milliseconds. */
const MAX_CLOSE_MS = 5000

/**
 * Opens an embedded DuckDB: runs its start-up SQL, then closes the sandbox.
 * @throws GatewayError when the database or its start-up SQL fails; the message is for the operator
 */
export async function openDuckDbSource(name: string, config: DuckDbConfig, deps: DuckDbDependencies): Promise<Source> {
  const startedAt = performance.now()
  const engine = openEngine(config)
  const source = new DuckDbSource(name, config, engine, deps)
  try {
    await source.start()
  } catch (error) {
    await source.close()
    throw error
  }
  deps.log.info({ event: 'source', ms: Math.round(performance.now() - startedAt) }, `source ${name} is open`)
  return source
}

class DuckDbSource implements Source {
  readonly name: string
  readonly kind = 'duckdb'
  readonly writes: boolean
  readonly catalog: Catalog
  readonly #config: DuckDbConfig
  readonly #engine: Address
  readonly #log: Logger
  readonly transactions: DuckDbTransactions
  readonly #connections: ConnectionPool
  /** Connections that tell how far a statement is. DuckDB counts that for each chunk anew, so the others do not. */
  readonly #progressConnections: ConnectionPool
  readonly #seats: WorkerPool
  readonly #planning: Planning
  /** For what must not wait until others have planned: the beginning and end of transactions, and health. */
  readonly #controllers: WorkerPool
  readonly #helpers: TaskThreads
  readonly #executions: Dispatcher
  readonly #plans = new LRUCache<string, Description>({
    maxSize: PLAN_CACHE_BYTES,
    sizeCalculation: (description, sql) => 2 * sql.length + description.schema.byteLength + 100,
  })
  #catalogVersion = 0
  #closing: Promise<void> | undefined
  #isClosed = false

  constructor(
    name: string,
    config: DuckDbConfig,
    engine: Address,
    { log, limits = defaultPlanLimits }: DuckDbDependencies,
  ) {
    this.name = name
    this.writes = config.writes
    this.catalog = new DuckDbCatalog(this)
    this.#config = config
    this.#engine = engine
    this.#log = log
    this.#connections = new ConnectionPool(engine, connectionSetup(name), config.maxStreams)
    this.#progressConnections = new ConnectionPool(engine, connectionSetup(name), config.maxStreams)
    this.#seats = new WorkerPool(config.maxStreams, config.writes)
    this.#helpers = new TaskThreads(engine)
    this.#executions = new Dispatcher({ source: name, log, helpers: this.#helpers })
    this.#planning = new Planning(limits, config.writes)
    this.#controllers = new WorkerPool(MAX_CONTROLLERS, config.writes, 0)
    const execute: ExecuteOn = (...args) => this.#execute(...args)
    this.transactions = new DuckDbTransactions(this.#progressConnections, execute, () => this.#forgetPlans())
  }

  /** Runs the start-up statements on a connection of their own. @throws GatewayError */
  async start(): Promise<void> {
    const starter = new ConnectionPool(this.#engine, 'SELECT 1', 0)
    const statements = startStatements(this.name, this.#config)
    await this.#execute(starter, statements, never)
    this.#progressConnections.openAhead(Math.min(this.#config.maxStreams, MAX_OPEN_AHEAD), progressSetup)
    const threads = threadsOf(this.#engine)
    const helped = threads <= MAX_HELPED_THREADS
    await this.#execute(starter, helped ? [threadsSetup, lockStatement] : [lockStatement], never)
    if (helped) this.#helpers.count = threads - 1
  }

  async plan(query: Query, ctx: Context): Promise<Plan> {
    const key = this.#planKey(query)
    const remembered = query.transaction === undefined && query.session.cache !== false
    const description = (remembered && this.#plans.get(key)) || (await this.#describe(key, query, ctx))
    const isUpdate = isUpdateKind(description.type)
    if (isUpdate && !this.writes) throw readOnlyError(this.name)
    if (isUpdate && query.transaction === undefined && (await makesTemporary(query.sql, ctx)))
      throw new GatewayError(
        'BAD_SQL',
        'Temporary objects live in transactions only: no connection belongs to one client.',
      )
    const { schema, digest, parameterSchema } = description
    return {
      kind: isUpdate ? 'update' : 'read',
      query,
      schema,
      // A change runs while its plan is at hand, a query on the strength of a ticket.
      ...(!isUpdate && digest !== '' && { handle: Buffer.from(digest, 'hex') }),
      ...(parameterSchema.byteLength > 0 && { parameterSchema }),
    }
  }

  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    const isUpdate = plan.kind === 'update'
    if (isUpdate && !this.writes) throw readOnlyError(this.name)
    const { sql, parameters, session, transaction } = plan.query
    const use = this.#use(session)
    const key = this.#planKey(plan.query)
    const losslessTypes = this.#losslessTypes(session)
    const promised = promisedDigest(plan)
    const known = parameters || transaction !== undefined ? undefined : this.#plans.get(key)
    // What is remembered may be older or newer than what the client was told.
    const planned = promised !== undefined && known?.digest === promised ? known.schema : undefined
    const { batchRows, batchBytes } = this.#config
    const limits = { batchRows, batchBytes }
    const readOnly = plan.kind === 'read' && plan.mayWrite !== true
    const order = (connection: Address): Order => ({
      kind: 'run',
      connection,
      sql,
      losslessTypes,
      isUpdate,
      readOnly,
      limits,
      inTransaction: transaction !== undefined,
      schemaKnown: planned !== undefined,
      ...(promised !== undefined && { promised }),
      ...(parameters && { parameters }),
      ...(use && { use }),
    })
    const onEnd = (hasFailed: boolean) => {
      if (isUpdate || (!readOnly && mayHideChange.test(sql))) this.#forgetPlans()
      // Whoever plans it again, as a client does then, is told what is true now.
      else if (hasFailed) this.#plans.delete(key)
    }
    const lender = this.#lender(plan.query, ctx.trackProgress)
    // Temporary objects belong to the connection: whoever gets it next must not find them.
    const disposable = isUpdate && (await readStatementWords(sql, ctx)).temporary === true
    return await this.#executions.dispatch(this.#seats, lender, order, ctx.signal, (run) => run.result(planned), {
      onEnd,
      disposable,
    })
  }

  async ingest(query: Query, ingest: Ingest, ctx: Context): Promise<number> {
    const { catalog = this.name, schema = query.session.schema ?? DEFAULT_SCHEMA, schemaMessage, messages } = ingest
    if (catalog.toLowerCase() !== this.name.toLowerCase())
      throw new GatewayError(
        'UNKNOWN_OBJECT',
        `The source ${this.name} has no catalog "${catalog}": its own is "${this.name}".`,
      )
    const { port1: outbox, port2: inbox } = new MessageChannel()
    const { table, ifExists, ifNotExists } = ingest
    const target = { catalog: this.name, schema, table, ifExists, ifNotExists }
    const inTransaction = query.transaction !== undefined
    const order = (connection: Address): Order => ({
      kind: 'ingest',
      connection,
      target,
      schemaMessage: Uint8Array.from(schemaMessage),
      inTransaction,
      inbox,
    })
    try {
      return await this.#executions.dispatch(
        this.#seats,
        this.#lender(query),
        order,
        ctx.signal,
        (execution) => feed(execution, outbox, messages),
        { onEnd: () => this.#forgetPlans() },
      )
    } finally {
      outbox.close()
    }
  }

  async health(ctx: Context): Promise<Health> {
    try {
      await this.#execute(this.#connections, ['SELECT 1'], ctx.signal)
      return { ok: true, detail: 'DuckDB answers.' }
    } catch (error) {
      return { ok: false, detail: GatewayError.from(error).message }
    }
  }

  get hasActiveThreads(): boolean {
    return !this.#isClosed
  }

  /** Twice is as good as once: the database is closed a single time. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const hasEnded = await this.#executions.close(MAX_CLOSE_MS)
    await Promise.all([this.#seats, this.#planning.seats, this.#controllers].map((seats) => seats.close()))
    this.transactions.close()
    this.#connections.close()
    this.#progressConnections.close()
    if (!hasEnded) {
      // Freed under a thread that works in it, the database would take the process with it.
      this.#log.warn({ event: 'stuck' }, `source ${this.name} is left open: a statement does not end`)
      return
    }
    closeDatabase(this.#engine)
    this.#isClosed = true
  }

  #lender({ transaction }: Query, trackProgress = false): Lender {
    if (transaction !== undefined) return this.transactions.lender(transaction)
    return trackProgress ? this.#progressConnections : this.#connections
  }

  async #execute(
    lender: Lender,
    statements: readonly string[],
    signal: AbortSignal,
    onEnd?: () => void,
  ): Promise<void> {
    const order = (connection: Address): Order => ({ kind: 'execute', connection, statements })
    const seats = this.#planning.hasSpareSeat ? this.#planning.seats : this.#controllers
    const finish = (execution: Job) => execution.finished()
    await this.#executions.dispatch(seats, lender, order, signal, finish, onEnd && { onEnd })
  }

  async #describe(key: string, query: Query, ctx: Context): Promise<Description> {
    const { sql, session } = query
    refuseForbiddenFunctions(await readStatementWords(sql, ctx))
    const use = this.#use(session)
    const version = this.#catalogVersion
    let description: Description | undefined
    const losslessTypes = this.#losslessTypes(session)
    const order = (connection: Address): Order => ({
      kind: 'plan',
      connection,
      sql,
      losslessTypes,
      inTransaction: query.transaction !== undefined,
      ...(use && { use }),
    })
    const plan = async (execution: Job) => {
      execution.onReply((reply) => {
        if (reply.kind === 'description') description = reply.description
      })
      await execution.finished()
    }
    await this.#planning.dispatch(ctx, (signal, holder) =>
      this.#executions.dispatch(this.#planning.seats, this.#lender(query), order, signal, plan, { holder }),
    )
    if (!description) throw new GatewayError('INTERNAL', undefined, { cause: new Error('a plan without description') })
    // What a transaction sees is its own.
    if (version === this.#catalogVersion && query.transaction === undefined) this.#plans.set(key, description)
    return description
  }

  #losslessTypes({ losslessTypes = this.#config.losslessTypes }: SessionOptions): boolean {
    return losslessTypes
  }

  /** What a plan is remembered by. */
  #planKey({ sql, session }: Query): string {
    const { schema } = session
    const named = schema === undefined ? sql : `${schema}\0${sql}`
    return this.#losslessTypes(session) === this.#config.losslessTypes ? named : `\0\0${named}`
  }

  #use({ schema }: SessionOptions): UseSchema | undefined {
    if (schema === undefined) return undefined
    const own = connectionSetup(this.name)
    return { before: `${own}.${quoteIdentifier(schema)}`, after: own }
  }

  /** A plan holds as long as nothing has changed the catalog, which only statements through this source can. */
  #forgetPlans(): void {
    this.#catalogVersion++
    this.#plans.clear()
  }
}
