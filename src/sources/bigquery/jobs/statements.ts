import { randomUUID } from 'node:crypto'
import { frameOf } from '../../../arrow/ipc/frame.ts'
import type { Bill } from '../../../query/billing/charge.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Context, PlannedSql, Result } from '../../../query/types.ts'
import { readStatementText } from '../text/statement-text.ts'
import { affectedRowsOf } from './affected-rows.ts'
import { sumOf } from './bill-of.ts'
import { maxBilledBytes } from './job-configuration.ts'
import type { FinishedJob, JobDependencies, Jobs } from './jobs.ts'
import { decodeHandle } from './plan-handle.ts'
import { noColumns } from './planner.ts'

/** Runs planned statements. */
export class Statements {
  readonly #deps: JobDependencies
  readonly #jobs: Jobs

  constructor(deps: JobDependencies, jobs: Jobs) {
    this.#deps = deps
    this.#jobs = jobs
  }

  /** Runs a statement. @throws GatewayError, RestFailure, LoginFailure, or the reason of the context's signal */
  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    const { query } = plan
    const text = await readStatementText(query.sql)
    const { location = this.#deps.config.location, statementType } = plan.handle
      ? decodeHandle(plan.handle)
      : { statementType: '' }
    const charge = new Account(ctx)
    const statement = { query, parameterMode: text.parameters, maxBilledBytes: maxBilledBytes(this.#deps.config, ctx) }
    const job = await this.#jobs.run(statement, { jobId: charge.nextId(), location }, ctx, charge.onBill)
    return await this.#resultOf(job, statementType)
  }

  async #resultOf({ page }: FinishedJob, statementType: string): Promise<Result> {
    const fields = page.head.schema?.fields ?? []
    if (fields.length > 0) throw new GatewayError('UNIMPLEMENTED', 'Results with rows are not there yet.')
    return {
      schema: frameOf(noColumns, new Uint8Array(0), 0),
      frames: (async function* () {})(),
      stats: { rows: 0, bytes: 0, affectedRows: affectedRowsOf(page.head, statementType) },
    }
  }
}

/** The account of a statement over its jobs. */
class Account {
  readonly #ctx: Context
  readonly #bills: Bill[] = []
  readonly #id: string
  #jobs = 0

  constructor(ctx: Context) {
    this.#ctx = ctx
    this.#id = ctx.charge?.id ?? randomUUID()
  }

  /** Id of the next job: that of the reservation, with a number from the second job on. */
  nextId(): string {
    this.#jobs++
    return this.#jobs === 1 ? this.#id : `${this.#id}-${this.#jobs}`
  }

  readonly onBill = (bill: Bill | undefined): void => {
    if (!bill) return
    this.#bills.push(bill)
    if (this.#bills.length === this.#jobs) this.#ctx.charge?.settle(sumOf(this.#bills))
  }
}
