import type { BudgetSettings } from '../../../src/config/setting/budget.ts'
import { BudgetPolicy } from '../../../src/cost/budget/budget-policy.ts'
import { budget } from '../../../src/cost/budget/budget-stage.ts'
import { type BudgetRules, Budgets } from '../../../src/cost/budget/budgets.ts'
import { Reconciliation } from '../../../src/cost/budget/reconciliation.ts'
import { SettlementQueue } from '../../../src/cost/budget/settlement-queue.ts'
import { billingCalendar } from '../../../src/cost/ledger/billing-calendar.ts'
import type { Ledger } from '../../../src/cost/ledger/ledger.ts'
import type { Bill, JobReference } from '../../../src/query/billing/charge.ts'
import type { BilledJob, SourceCost } from '../../../src/query/billing/source-cost.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import type { Estimate } from '../../../src/query/estimate.ts'
import { composePipeline, type Pipeline } from '../../../src/query/pipeline.ts'
import { Router } from '../../../src/query/router.ts'
import type { Source } from '../../../src/query/source.ts'
import type { Context, Plan, PlannedSql, Query, Result } from '../../../src/query/types.ts'

/** Bytes whose price in the US is 0.01 USD, in whole MiB. */
export const CENT_BYTES = 1678 * 2 ** 20
/** What they cost. */
export const CENT_USD = 0.010002

/** What a statement of the source does. */
export interface Deed {
  /** Bytes of the dry run; undefined if it tells none. */
  readonly estimated?: number | undefined
  readonly accuracy?: Estimate['accuracy']
  /** Bytes that it bills; by default those of the dry run. */
  readonly billed?: number
  /** Fails before or after it was submitted, or never ends until it is cancelled. */
  readonly end?: 'refused' | 'failed' | 'hangs' | 'silent'
  readonly externalCosts?: readonly string[]
  readonly reservation?: string
}

/** A source that bills as BigQuery does: not more than `maxBilledBytes`, and also for what was cancelled. */
export class BillingSource implements Pick<Source, 'name' | 'kind' | 'writes' | 'plan' | 'run' | 'cost'> {
  readonly name: string
  readonly kind = 'billing'
  readonly writes = true
  readonly deeds = new Map<string, Deed>()
  readonly jobs = new Map<string, Bill | undefined>()
  ran = 0

  constructor(name: string) {
    this.name = name
  }

  get billedBytes(): number {
    return [...this.jobs.values()].reduce((sum, bill) => sum + (bill?.billedBytes ?? 0), 0)
  }

  readonly cost: SourceCost = {
    dialect: 'bigquery',
    tableFacts: async () => undefined,
    billOf: async ({ jobId }) => this.jobs.get(jobId),
    jobsSince: (since) => this.#list(since),
  }

  async plan(query: Query): Promise<Plan> {
    const { estimated, accuracy = 'exact', externalCosts, reservation } = this.#deedOf(query.sql)
    const estimate: Estimate = {
      accuracy,
      ...(externalCosts && { externalCosts }),
      billing: {
        location: 'US',
        parts: [{ ...(estimated !== undefined && { processedBytes: estimated }), tables: 1 }],
        ...(reservation !== undefined && { reservation }),
      },
    }
    return { kind: 'read', query, schema: new Uint8Array(0), estimate }
  }

  async run(plan: PlannedSql, ctx: Context): Promise<Result> {
    const { estimated = 0, billed = estimated, end, reservation } = this.#deedOf(plan.query.sql)
    const charge = ctx.charge!
    const job: JobReference = { project: 'p', location: 'US', jobId: charge.id }
    if (end === 'refused') throw new GatewayError('BAD_SQL')
    await charge.onSubmitted(job)
    if (billed > (charge.maxBilledBytes ?? Number.POSITIVE_INFINITY)) {
      this.#settle(ctx, { billedBytes: 0 })
      throw new GatewayError('UPSTREAM_EXHAUSTED', 'It would bill more than allowed: plan it again.')
    }
    this.ran++
    const bill = { billedBytes: billed, slotMs: 5, ...(reservation !== undefined && { reservation }) }
    if (end === 'hangs') {
      this.jobs.set(charge.id, undefined)
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }))
      setTimeout(() => this.#settle(ctx, bill), 10)
      throw ctx.signal.reason
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (end === 'silent') this.jobs.set(charge.id, bill)
    else this.#settle(ctx, bill)
    if (end === 'failed') throw new GatewayError('BAD_DATA')
    return {
      schema: { rows: -1, byteLength: 0 } as unknown as Result['schema'],
      frames: (async function* () {})(),
      stats: { rows: 0, bytes: 0, affectedRows: -1 },
    }
  }

  async *#list(_since: number): AsyncIterable<BilledJob> {
    for (const [jobId, bill] of this.jobs)
      if (bill) yield { project: 'p', location: 'US', jobId, chargeId: jobId.slice(0, 36), bill, endedAt: Date.now() }
    yield { project: 'p', location: 'US', jobId: 'other', bill: { billedBytes: 2 ** 40 }, endedAt: Date.now() }
  }

  #settle(ctx: Context, bill: Bill): void {
    this.jobs.set(ctx.charge!.id, bill)
    ctx.charge!.settle(bill)
  }

  #deedOf(sql: string): Deed {
    return this.deeds.get(sql) ?? { estimated: CENT_BYTES }
  }
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Settings of a gateway with the source `wh`. */
export interface BudgetSetup {
  readonly gateway?: BudgetSettings
  readonly source?: BudgetSettings
  readonly groups?: Readonly<Record<string, BudgetSettings>>
  /** Budgets of each member of a group. */
  readonly members?: Readonly<Record<string, BudgetSettings>>
  readonly principals?: Readonly<Record<string, BudgetSettings>>
  readonly rules?: Partial<BudgetRules>
  readonly freeBytesPerMonth?: number
  readonly now?: () => number
}

/** Budgets in a pipeline in front of one source that bills. */
export class BudgetedPipeline {
  readonly source = new BillingSource('wh')
  readonly calendar = billingCalendar('America/Los_Angeles')
  readonly refusals: string[] = []
  readonly warnings: string[] = []
  readonly logged: object[] = []
  readonly queue: SettlementQueue
  readonly budgets: Budgets
  readonly pipeline: Pipeline
  readonly reconciliation: Reconciliation
  readonly ledger: Ledger

  constructor(ledger: Ledger, setup: BudgetSetup = {}) {
    this.ledger = ledger
    const {
      gateway = {},
      source = {},
      groups = {},
      members = {},
      principals = {},
      rules = {},
      freeBytesPerMonth,
      now,
    } = setup
    const pricing = {
      model: 'on_demand',
      edition: 'enterprise',
      ...(freeBytesPerMonth && { freeBytesPerMonth }),
    } as const
    const log = { ...silent, warn: (fields: object) => void this.logged.push(fields) }
    this.queue = new SettlementQueue(ledger, log)
    this.budgets = new Budgets({
      policy: new BudgetPolicy({
        gateway,
        sources: new Map([['wh', { pricing, limits: source }]]),
        groups: Object.fromEntries(
          Object.keys({ ...groups, ...members }).map((name) => [
            name,
            { budgets: groups[name] ?? {}, members: { budgets: members[name] } },
          ]),
        ),
        principals: Object.entries(principals).map(([name, budgets]) => ({ name, budgets })),
      }),
      rules: {
        whenUnknown: 'cap',
        externalCost: 'allow',
        whenLedgerDown: 'refuse',
        warnAt: [0.5, 1],
        keepsText: false,
        queueWaitMs: 1000,
        ...rules,
      },
      ledger,
      queue: this.queue,
      calendar: this.calendar,
      observer: {
        onRefused: (_source, reason) => void this.refusals.push(reason),
        onWarning: (...warning) => void this.warnings.push(warning.join(' ')),
        onSettled: () => {},
      },
      log,
      ...(now && { now }),
    })
    const router = new Router([this.source as unknown as Source], 'wh')
    this.pipeline = composePipeline([budget(this.budgets)], router)
    this.reconciliation = new Reconciliation({
      budgets: this.budgets,
      ledger,
      sources: () => [this.source as unknown as Source],
      log: { ...log, info: (fields: object) => void this.logged.push(fields) },
      onCorrected: () => {},
    })
  }

  context(changes: Partial<Context> = {}): Context {
    return {
      principal: { name: 'ann', roles: ['reader'], groups: ['analysts'] },
      signal: new AbortController().signal,
      deadlineAt: Number.POSITIVE_INFINITY,
      requestId: 'r',
      log: silent,
      ...changes,
    }
  }

  async plan(sql: string, ctx = this.context(), query: Partial<Query> = {}): Promise<Plan> {
    return await this.pipeline.plan({ source: 'wh', sql, session: {}, purpose: 'read', ...query }, ctx)
  }

  /** Plans, runs and reads a statement. */
  async query(sql: string, ctx = this.context(), query: Partial<Query> = {}): Promise<void> {
    const { frames } = await this.pipeline.run(await this.plan(sql, ctx, query), ctx)
    for await (const _ of frames);
  }

  /** Spent and reserved dollars of the source in the month. */
  async balance(at = Date.now()): Promise<[spent: number, reserved: number]> {
    const [balance] = await this.ledger.balances([{ account: { kind: 'source', name: 'wh' }, period: 'month' }], at)
    return [balance!.spentNanoUsd / 1e9, balance!.reservedNanoUsd / 1e9]
  }
}
