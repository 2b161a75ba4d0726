import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import { encodeSchema } from '../../../arrow/schema.ts'
import type { Context, PlannedSql, Result } from '../../../query/types.ts'
import { bigQueryError } from '../errors.ts'
import { placeholdersOf } from '../parameters/placeholders.ts'
import type { QueryParameter } from '../parameters/query-parameter.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { dryRun } from '../plan/dry-run.ts'
import { decodeHandle, type PlanHandle } from '../plan/plan-handle.ts'
import type { Results } from '../results/results.ts'
import { readStatementText, type StatementText } from '../text/statement-text.ts'
import { arrowSchemaOf } from '../types/arrow-schema.ts'
import { jobConfiguration, maxBilledBytes } from './job-configuration.ts'
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
    const bound = readParameters(stream, await placeholdersOf(plan.query.sql), running.planned.parameterTypes)
    const rows = bound.rows()
    let isOpen = false
    try {
      if (plan.kind === 'update' && bound.count !== 1) return await this.#updateRows(running, rows)
      if (bound.count === 0) return await this.#noRuns(running, bound.nulls())
      const first = await rows.next()
      const result = await this.#resultOf(running, first.value ?? [], bound.count === 1 && this.#isShort(running))
      if (bound.count === 1) return result
      isOpen = true
      return { ...result, frames: this.#furtherRows(running, result, rows) }
    } finally {
      if (!isOpen) account.end()
    }
  }

  /** The result of a read that runs for no row of parameters: no rows, under the schema that a dry run tells. */
  async #noRuns({ plan: { query }, planned, text, ctx }: Running, nulls: readonly QueryParameter[]): Promise<Result> {
    const { rest, config, source } = this.#deps
    const statement = { query, parameterMode: text.parameters, parameters: nulls }
    const { location = config.location } = planned
    const { schema } = await dryRun(rest, jobConfiguration(source, config, statement, ctx), location, ctx)
    return {
      schema: frameOf(encodeSchema(arrowSchemaOf(schema.fields ?? [])), new Uint8Array(0), 0),
      frames: (async function* () {})(),
      stats: { rows: 0, bytes: 0, affectedRows: 0 },
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
        for await (const frames of next.frames) {
          for (const frame of frames) {
            first.stats.rows += Math.max(0, frame.rows)
            first.stats.bytes += frame.byteLength
          }
          yield frames
        }
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
      ? await shortQueries.run(statement, { requestId: jobId, location }, ctx, account)
      : await jobs.run(statement, { jobId, location }, ctx, account)
  }

  /** Whether a statement is a read that costs little, so that it need not be cancellable from its first moment. */
  #isShort({ plan, planned: { statementType, maxBytes }, ctx }: Running): boolean {
    const isSmall = maxBytes !== undefined && maxBytes <= SHORT_QUERY_BYTES
    const hasId = (ctx.charge?.id.length ?? 0) <= 36
    return this.#deps.config.shortQueries && plan.kind === 'read' && statementType === 'SELECT' && isSmall && hasId
  }
}
