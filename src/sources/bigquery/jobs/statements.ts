import { randomUUID } from 'node:crypto'
import type { Bill } from '../../../query/billing/charge.ts'
import type { Context, PlannedSql, Result } from '../../../query/types.ts'
import { decodeHandle, type PlanHandle } from '../plan/plan-handle.ts'
import type { Results } from '../results/results.ts'
import { readStatementText } from '../text/statement-text.ts'
import { sumOf } from './bill-of.ts'
import { maxBilledBytes } from './job-configuration.ts'
import type { JobDependencies } from './job-dependencies.ts'
import type { Jobs } from './jobs.ts'

/** Runs planned statements. */
export class Statements {
  readonly #deps: JobDependencies
  readonly #jobs: Jobs
  readonly #results: Results

  constructor(deps: JobDependencies, jobs: Jobs, results: Results) {
    this.#deps = deps
    this.#jobs = jobs
    this.#results = results
  }

  /** Runs a statement. @throws GatewayError, RestFailure, LoginFailure, or the reason of the context's signal */
  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    const { query } = plan
    const text = await readStatementText(query.sql)
    const planned: PlanHandle = plan.handle ? decodeHandle(plan.handle) : { statementType: '' }
    const { location = this.#deps.config.location, statementType, announced } = planned
    const charge = new Account(ctx)
    const statement = { query, parameterMode: text.parameters, maxBilledBytes: maxBilledBytes(this.#deps.config, ctx) }
    const job = await this.#jobs.run(statement, { jobId: charge.nextId(), location }, ctx, charge.onBill)
    return await this.#results.of(job, { statementType, isOrdered: text.isOrdered, announced }, ctx)
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
