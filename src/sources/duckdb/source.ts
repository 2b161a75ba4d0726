import { MessageChannel } from 'node:worker_threads'
import type { Catalog } from '../../query/catalog.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Ingest } from '../../query/ingest.ts'
import type { Source } from '../../query/source.ts'
import type { Context, Health, Logger, Plan, PlannedSql, Query, Result, SessionOptions } from '../../query/types.ts'
import { DuckDbCatalog, type UserDefinitions } from './catalog.ts'
import { ConnectionPool, type ConnectionProvider, OwnConnection } from './connections/connection-pool.ts'
import { DuckDbTransactions, type ExecuteOn } from './connections/transactions.ts'
import { DefinitionCache } from './definition-cache.ts'
import { readOnlyError } from './errors.ts'
import { Estimator } from './estimate/estimator.ts'
import { closeDatabase } from './native/database.ts'
import type { Address } from './native/library.ts'
import { PlanCache } from './plan-cache.ts'
import type { DuckDbConfig } from './settings.ts'
import { makesTemporary } from './sql/makes-temporary.ts'
import {
  connectionSetup,
  DEFAULT_SCHEMA,
  lockStatement,
  openEngine,
  progressSetup,
  quoteIdentifier,
  runStartStatements,
  threadsOf,
  threadsSetup,
} from './sql/startup.ts'
import { isUpdateKind, mayHideChange, refuseCheckpoint } from './sql/statement-kind.ts'
import { readStatementWords, refuseForbiddenFunctions } from './sql/statement-words.ts'
import { promisedDigest } from './types/announced-schema.ts'
import type { TypeForm } from './types/plain-type.ts'
import { Dispatcher } from './workers/dispatcher.ts'
import type { Job } from './workers/job.ts'
import type { Description, SchemaSwitch, WorkerRequest } from './workers/messages.ts'
import { defaultPlanLimits, type PlanLimits, Planning } from './workers/planning.ts'
import { TaskThreads } from './workers/task-threads.ts'
import { feed } from './workers/upload-feeder.ts'
import { WorkerPool } from './workers/worker-pool.ts'

/** Dependencies of a DuckDB source. */
export interface DuckDbDependencies {
  readonly log: Logger
  /** Each limit is 10 s by default. */
  readonly limits?: PlanLimits
}

const MAX_OPENED_AHEAD = 32
/** With more threads than this DuckDB keeps its own: a task thread takes about 18 MB, and such a machine has cores to spare. */
const MAX_TASK_THREADS = 4
const MAX_CONTROL_WORKERS = 2
const never = new AbortController().signal
/** Longest wait for workers and task threads on close, in milliseconds. */
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
  readonly dialect = 'duckdb'
  readonly writes: boolean
  readonly catalog: Catalog
  readonly #config: DuckDbConfig
  readonly #engine: Address
  readonly #log: Logger
  readonly transactions: DuckDbTransactions
  readonly #connections: ConnectionPool
  /** Connections that report progress. DuckDB computes it anew for each chunk, so the other connections do not. */
  readonly #progressConnections: ConnectionPool
  readonly #workers: WorkerPool
  readonly #planning: Planning
  /** Workers for control statements that must not wait behind planning: BEGIN, COMMIT, ROLLBACK and health checks. */
  readonly #controlWorkers: WorkerPool
  readonly #taskThreads: TaskThreads
  readonly #dispatcher: Dispatcher
  readonly #estimator: Estimator
  readonly #plans: PlanCache
  readonly #definitions: DefinitionCache
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
    const catalog = new DuckDbCatalog(this)
    this.catalog = catalog
    this.#config = config
    this.#engine = engine
    this.#log = log
    this.#connections = new ConnectionPool(engine, connectionSetup(name), config.maxStreams)
    this.#progressConnections = new ConnectionPool(engine, connectionSetup(name), config.maxStreams)
    this.#workers = new WorkerPool(config.maxStreams, config.writes)
    this.#taskThreads = new TaskThreads(engine)
    this.#dispatcher = new Dispatcher({ source: name, log, taskThreads: this.#taskThreads })
    this.#plans = new PlanCache(config.losslessTypes, ({ session }) => this.#form(session))
    this.#definitions = new DefinitionCache(catalog, this.#plans, log)
    this.#planning = new Planning(limits, config.writes)
    this.#estimator = new Estimator({
      planning: this.#planning,
      dispatcher: this.#dispatcher,
      connections: this.#connections,
    })
    this.#controlWorkers = new WorkerPool(MAX_CONTROL_WORKERS, config.writes, 0)
    const execute: ExecuteOn = (...args) => this.#execute(...args)
    this.transactions = new DuckDbTransactions(this.#progressConnections, execute, () => this.#plans.invalidate())
  }

  /** Runs the start-up statements on their own connection. @throws GatewayError, SettingError */
  async start(): Promise<void> {
    const own = new OwnConnection(this.#engine)
    const execute = (statements: readonly string[]) => this.#execute(own, statements, never)
    await runStartStatements(this.name, this.#config, execute).finally(() => own.close())
    const startPool = new ConnectionPool(this.#engine, 'SELECT 1', 0)
    this.#progressConnections.openAhead(Math.min(this.#config.maxStreams, MAX_OPENED_AHEAD), progressSetup)
    const threads = threadsOf(this.#engine)
    const usesTaskThreads = threads <= MAX_TASK_THREADS
    await this.#execute(startPool, usesTaskThreads ? [threadsSetup, lockStatement] : [lockStatement], never)
    if (usesTaskThreads) this.#taskThreads.count = threads - 1
  }

  async plan(query: Query, ctx: Context): Promise<Plan> {
    const key = this.#plans.keyOf(query)
    const isCacheable = query.transaction === undefined && query.session.cache !== false
    const description = (isCacheable && this.#plans.get(key)) || (await this.#describe(key, query, ctx))
    const isUpdate = isUpdateKind(description.type)
    if (isUpdate && !this.writes) throw readOnlyError(this.name)
    if (isUpdate && query.transaction === undefined && (await makesTemporary(query.sql, ctx)))
      throw new GatewayError(
        'BAD_SQL',
        'Temporary objects exist only within a transaction, since clients share connections: begin a transaction first.',
      )
    const { schema, digest, parameterSchema } = description
    const estimate =
      query.estimate && (await this.#estimator.estimate(query, description, this.#schemaSwitch(query.session), ctx))
    return {
      kind: isUpdate ? 'update' : 'read',
      query,
      schema,
      // A query runs later, from its ticket, so the plan carries the digest; a change runs while its plan is still in memory.
      ...(!isUpdate && digest !== '' && { handle: Buffer.from(digest, 'hex') }),
      ...(parameterSchema.byteLength > 0 ? { parameterSchema } : { hasNoParameters: true }),
      ...(estimate && { estimate }),
    }
  }

  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    const isUpdate = plan.kind === 'update'
    if (isUpdate && !this.writes) throw readOnlyError(this.name)
    const { sql, parameters, session, transaction } = plan.query
    const schemaSwitch = this.#schemaSwitch(session)
    const key = this.#plans.keyOf(plan.query)
    const form = this.#form(session)
    const promised = promisedDigest(plan)
    const cached = parameters || transaction !== undefined ? undefined : this.#plans.get(key)
    // The cached plan may be older or newer than the schema that the client was given.
    const planned = promised !== undefined && cached?.digest === promised ? cached.schema : undefined
    const { batchRows, batchBytes } = this.#config
    const limits = { batchRows, batchBytes }
    const readOnly = plan.kind === 'read' && plan.mayWrite !== true
    const requestOn = (connection: Address): WorkerRequest => ({
      kind: 'run',
      connection,
      sql,
      form,
      isUpdate,
      readOnly,
      limits,
      inTransaction: transaction !== undefined,
      schemaKnown: planned !== undefined,
      ...(promised !== undefined && { promised }),
      ...(parameters && { parameters }),
      ...(schemaSwitch && { schemaSwitch }),
    })
    const onEnd = (hasFailed: boolean) => {
      if (isUpdate || (!readOnly && mayHideChange.test(sql))) this.#plans.invalidate(sql)
      // After a failure, drop the cached plan: the client plans again and gets the current schema.
      else if (hasFailed) this.#plans.delete(key)
    }
    const provider = this.#connectionsOf(plan.query, ctx.trackProgress)
    // Temporary objects belong to the connection, and the next client must not find them.
    const closesConnection = isUpdate && (await readStatementWords(sql, ctx)).temporary === true
    return await this.#dispatcher.dispatch(
      this.#workers,
      provider,
      requestOn,
      ctx.signal,
      (job) => job.result(planned),
      {
        onEnd,
        closesConnection,
      },
    )
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
    const requestOn = (connection: Address): WorkerRequest => ({
      kind: 'ingest',
      connection,
      target,
      schemaMessage: Uint8Array.from(schemaMessage),
      inTransaction,
      inbox,
    })
    try {
      return await this.#dispatcher.dispatch(
        this.#workers,
        this.#connectionsOf(query),
        requestOn,
        ctx.signal,
        (job) => feed(job, outbox, messages),
        { onEnd: () => this.#plans.invalidate('CREATE TABLE') },
      )
    } finally {
      outbox.close()
    }
  }

  /** The views and macros that users have created, as of the last change of the catalog. */
  definitions(): UserDefinitions | Promise<UserDefinitions> {
    return this.#definitions.read()
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

  /** Idempotent: the database is closed once. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const hasEnded = await this.#dispatcher.close(MAX_CLOSE_MS)
    await Promise.all([this.#workers, this.#planning.workers, this.#controlWorkers].map((pool) => pool.close()))
    this.transactions.close()
    this.#connections.close()
    this.#progressConnections.close()
    if (!hasEnded) {
      // Closing the database while a thread works in it would crash the process.
      this.#log.warn({ event: 'stuck' }, `source ${this.name} is left open: a statement is still running`)
      return
    }
    closeDatabase(this.#engine)
    this.#isClosed = true
  }

  #connectionsOf({ transaction }: Query, trackProgress = false): ConnectionProvider {
    if (transaction !== undefined) return this.transactions.provider(transaction)
    return trackProgress ? this.#progressConnections : this.#connections
  }

  async #execute(
    connections: ConnectionProvider,
    statements: readonly string[],
    signal: AbortSignal,
    onEnd?: () => void,
  ): Promise<void> {
    const requestOn = (connection: Address): WorkerRequest => ({ kind: 'execute', connection, statements })
    const pool = this.#planning.hasSpareWorker ? this.#planning.workers : this.#controlWorkers
    const finish = (job: Job) => job.finished()
    await this.#dispatcher.dispatch(pool, connections, requestOn, signal, finish, onEnd && { onEnd })
  }

  async #describe(key: string, query: Query, ctx: Context): Promise<Description> {
    const { sql, session } = query
    const words = await readStatementWords(sql, ctx)
    refuseForbiddenFunctions(words)
    const schemaSwitch = this.#schemaSwitch(session)
    const { version } = this.#plans
    let description: Description | undefined
    const requestOn = (connection: Address): WorkerRequest => ({
      kind: 'plan',
      connection,
      sql,
      form: this.#form(session),
      inTransaction: query.transaction !== undefined,
      ...(schemaSwitch && { schemaSwitch }),
    })
    const plan = async (job: Job) => {
      job.onReply((reply) => {
        if (reply.kind === 'description') description = reply.description
      })
      await job.finished()
    }
    await this.#planning.dispatch(ctx, (signal, holder) =>
      this.#dispatcher.dispatch(this.#planning.workers, this.#connectionsOf(query), requestOn, signal, plan, {
        holder,
      }),
    )
    if (!description) throw new GatewayError('INTERNAL', undefined, { cause: new Error('a plan without description') })
    refuseCheckpoint(description.type, words)
    // A transaction sees its own catalog, so its plans are not cached.
    if (query.transaction === undefined) this.#plans.set(key, description, version)
    return description
  }

  #form({ losslessTypes = this.#config.losslessTypes, dictionaries = true }: SessionOptions): TypeForm {
    return { losslessTypes, dictionaries }
  }

  #schemaSwitch({ schema }: SessionOptions): SchemaSwitch | undefined {
    if (schema === undefined) return undefined
    const useCatalog = connectionSetup(this.name)
    return { before: `${useCatalog}.${quoteIdentifier(schema)}`, after: useCatalog }
  }
}
