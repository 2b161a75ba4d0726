import type { Frame } from '../../../arrow/ipc/frame.ts'
import type { Context, PlannedSql, Result } from '../../../query/types.ts'
import { bigQueryError } from '../errors.ts'
import { placeholdersOf } from '../parameters/placeholders.ts'
import type { QueryParameter } from '../parameters/query-parameter.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { decodeHandle, type PlanHandle } from '../plan/plan-handle.ts'
import type { Results } from '../results/results.ts'
import { readStatementText, type StatementText } from '../text/statement-text.ts'
import { maxBilledBytes } from './job-configuration.ts'
import type { JobDependencies } from './job-dependencies.ts'
import type { FinishedJob, Jobs } from './jobs.ts'
import type { ShortQueries } from './short-queries.ts'
import { StatementAccount } from './statement-account.ts'

/** Most bytes of a read that is run by one call, and which the gateway cannot cancel in its first second: 1 GiB. */
const SHORT_QUERY_BYTES = 2 ** 30

/** The parts that run statements. */
export interface StatementParts {
  readonly jobs: Jobs
  readonly shortQueries: ShortQueries
  readonly results: Results
}

/** A statement that runs, once or for several rows of parameters. */
interface Running {
  readonly plan: PlannedSql
  readonly planned: PlanHandle
  readonly text: StatementText
  readonly account: StatementAccount
  readonly ctx: Context
}

/** Runs planned statements. */
export class Statements {
  readonly #deps: JobDependencies
  readonly #parts: StatementParts

  constructor(deps: JobDependencies, parts: StatementParts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** Runs a statement. @throws GatewayError, RestFailure, LoginFailure, or the reason of the context's signal */
  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    const text = await readStatementText(plan.query.sql)
    const planned: PlanHandle = plan.handle ? decodeHandle(plan.handle) : { statementType: '' }
    const account = new StatementAccount(ctx.charge, maxBilledBytes(this.#deps.config, ctx))
    const running: Running = { plan, planned, text, account, ctx }
    const stream = text.parameters && plan.query.parameters
    if (stream) return await this.#runRows(running, stream)
    try {
      return await this.#resultOf(running, undefined, this.#isShort(running))
    } finally {
      account.end()
    }
  }

  /**
   * Runs a statement once for each row of parameters. A change runs for all rows before it returns the sum of the changed rows; if it
   * fails at one row, the rows before stay changed, since BigQuery has no transaction around it. A read returns the rows of all
   * runs, and runs for a row once the result of the row before has been read.
   */
  async #runRows(running: Running, stream: Uint8Array): Promise<Result> {
    const { plan, account } = running
    const bound = readParameters(stream, await placeholdersOf(plan.query.sql))
    const rows = bound.rows()
    let isOpen = false
    try {
      if (plan.kind === 'update' && bound.count !== 1) return await this.#updateRows(running, rows)
      const first = await rows.next()
      // Without a row the client gets the schema of a run with NULLs, and no rows.
      const result = await this.#resultOf(
        running,
        first.value ?? bound.nulls(),
        bound.count === 1 && this.#isShort(running),
      )
      if (bound.count === 0) await result.frames[Symbol.asyncIterator]().return?.()
      if (bound.count === 0) return { ...result, frames: (async function* () {})() }
      if (bound.count === 1) return result
      isOpen = true
      return { ...result, frames: this.#furtherRows(running, result, rows) }
    } finally {
      if (!isOpen) account.end()
    }
  }

  async #updateRows(running: Running, rows: AsyncIterable<readonly QueryParameter[]>): Promise<Result> {
    let result: Result | undefined
    let affectedRows = 0
    for await (const row of rows) {
      await result?.frames[Symbol.asyncIterator]().return?.()
      result = await this.#resultOf(running, row, false)
      const { affectedRows: changed } = result.stats
      affectedRows = changed < 0 || affectedRows < 0 ? -1 : affectedRows + changed
    }
    return this.#parts.results.changed(affectedRows)
  }

  async *#furtherRows(
    running: Running,
    first: Result,
    rows: AsyncIterable<readonly QueryParameter[]>,
  ): AsyncGenerator<readonly Frame[], void, undefined> {
    const { account, ctx } = running
    try {
      yield* first.frames
      for await (const row of rows) {
        ctx.signal.throwIfAborted()
        const next = await this.#resultOf(running, row, false)
        yield* next.frames
      }
    } catch (error) {
      throw bigQueryError(error, this.#deps.source)
    } finally {
      account.end()
    }
  }

  async #resultOf(
    running: Running,
    parameters: readonly QueryParameter[] | undefined,
    isShort: boolean,
  ): Promise<Result> {
    const { planned, text } = running
    const { statementType, announced } = planned
    const job = await this.#jobOf(running, parameters, isShort)
    return await this.#parts.results.of(job, { statementType, isOrdered: text.isOrdered, announced }, running.ctx)
  }

  async #jobOf(
    { plan: { query }, planned, text, account, ctx }: Running,
    parameters: readonly QueryParameter[] | undefined,
    isShort: boolean,
  ): Promise<FinishedJob> {
    const { jobs, shortQueries } = this.#parts
    const { location = this.#deps.config.location } = planned
    const { jobId, maxBilledBytes: most } = await account.begin(ctx.signal)
    const statement = { query, parameterMode: text.parameters, parameters, maxBilledBytes: most }
    return isShort
      ? await shortQueries.run(statement, { requestId: jobId, location }, ctx, account.onBill)
      : await jobs.run(statement, { jobId, location }, ctx, account.onBill)
  }

  /** Whether a statement is a read that costs little, so that it need not be cancellable from its first moment. */
  #isShort({ plan, planned: { statementType, maxBytes }, ctx }: Running): boolean {
    const isSmall = maxBytes !== undefined && maxBytes <= SHORT_QUERY_BYTES
    const hasId = (ctx.charge?.id.length ?? 0) <= 36
    return this.#deps.config.shortQueries && plan.kind === 'read' && statementType === 'SELECT' && isSmall && hasId
  }
}
