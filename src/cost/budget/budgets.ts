import { randomUUID } from 'node:crypto'
import type { Bill } from '../../query/billing/charge.ts'
import { GatewayError } from '../../query/errors.ts'
import { statementHash } from '../../query/text/statement-hash.ts'
import type { Context, Logger, Plan, PlannedStatement } from '../../query/types.ts'
import { unlessDown } from '../../state/unless-down.ts'
import type { BillingCalendar, BudgetLimit, Ledger, Reservation, Settlement } from '../ledger/ledger.ts'
import { bytesFor, usdOf } from '../pricing/nano-usd.ts'
import { priceOf } from '../pricing/price.ts'
import { tariffOf } from '../pricing/tariff.ts'
import type { BilledSource, BudgetPolicy } from './budget-policy.ts'
import { BudgetWarnings } from './budget-warnings.ts'
import { type Demand, type DemandRules, demandOf } from './demand.ts'
import { plannedCostOf } from './planned-cost.ts'
import { BudgetError, type BudgetRefusal, budgetRefusal, type Figures, overCapOf } from './refusal.ts'
import type { SettlementQueue } from './settlement-queue.ts'
import { isDown, StatementCharge } from './statement-charge.ts'

const MINUTE_MS = 60_000
/** Time in which a statement that has reserved must reach its engine, besides its time in the queue. */
const SUBMIT_WITHIN_MS = 15 * MINUTE_MS
/** Longest time that an engine works for a statement without a deadline, which is BigQuery's limit of a query. */
const MAX_RUN_MS = 6 * 60 * MINUTE_MS
const MAX_TEXT = 2000

/** Settings of the budgets besides their limits. */
export interface BudgetRules extends DemandRules {
  readonly whenLedgerDown: 'refuse' | 'allow'
  readonly warnAt: readonly number[]
  /** Whether the ledger may hold texts of statements. */
  readonly keepsText: boolean
  readonly queueWaitMs: number
}

/** Receives what budgets do, for metrics. */
export interface BudgetObserver {
  onRefused(source: string, reason: BudgetRefusal): void
  onWarning(account: string, period: string, level: number): void
  onSettled(source: string, principal: string, settlement: Settlement): void
}

/** Dependencies of `Budgets`. */
export interface BudgetDependencies {
  readonly policy: BudgetPolicy
  readonly rules: BudgetRules
  readonly ledger: Ledger
  readonly queue: SettlementQueue
  readonly calendar: BillingCalendar
  readonly observer: BudgetObserver
  readonly log: Logger
  /** Unix milliseconds. */
  readonly now?: () => number
}

/** A statement with what it asks of the budgets. */
interface Judged {
  readonly demand: Demand
  readonly limits: readonly BudgetLimit[]
}

/** Prices statements of sources that bill, refuses those that a budget does not allow, and keeps their accounts. */
export class Budgets {
  readonly #deps: BudgetDependencies
  readonly #warnings: BudgetWarnings
  readonly #now: () => number
  /** Ids of the statements of this process that may still submit jobs. */
  readonly #running = new Set<string>()

  constructor(deps: BudgetDependencies) {
    this.#deps = deps
    this.#now = deps.now ?? Date.now
    const { rules, ledger, calendar, log, observer } = deps
    this.#warnings = new BudgetWarnings(rules, ledger, calendar, log, (...warning) => observer.onWarning(...warning))
  }

  /** Whether a source bills its statements. */
  bills(source: string): boolean {
    return this.#deps.policy.billedSource(source) !== undefined
  }

  /** Whether a statement of this process may still submit jobs, so that its account is not closed from outside. */
  isRunning(id: string): boolean {
    return this.#running.has(id)
  }

  /**
   * Adds the price to a plan. What no budget would allow now is refused at once, or told in the estimate if the query asks for one.
   * @throws BudgetError
   */
  async priced(plan: Plan, ctx: Context): Promise<Plan> {
    const { source } = plan.query
    const billing = this.#deps.policy.billedSource(source)
    const facts = plan.estimate?.billing
    if (!billing || !plan.estimate || !facts) return plan
    const estimate = priceOf(plan.estimate, billing.pricing, await this.#freeBytesLeft(source, billing, facts))
    const priced: Plan = { ...plan, cost: plannedCostOf(estimate), estimate }
    const refusal = await this.#refusalOf(priced, ctx)
    if (!refusal) return priced
    if (!plan.query.estimate) throw this.#counted(source, refusal)
    return { ...priced, estimate: { ...estimate, refusal: refusal.message } }
  }

  /**
   * Reserves what a statement may cost.
   * @throws BudgetError; GatewayError STATE_UNAVAILABLE if a budget applies and the ledger does not answer
   */
  async open(plan: PlannedStatement, ctx: Context): Promise<StatementCharge> {
    const { rules, ledger, queue, observer } = this.#deps
    const { source, sql, session } = plan.query
    const { demand, limits } = this.#judgeRun(plan, ctx)
    const at = this.#now()
    const reservation: Reservation = {
      id: randomUUID(),
      source,
      principal: ctx.principal.name,
      groups: ctx.principal.groups ?? [],
      ...(session.label !== undefined && { label: session.label }),
      statement: { hash: await statementHash(sql), ...(rules.keepsText && { text: sql.slice(0, MAX_TEXT) }) },
      nanoUsd: demand.nanoUsd,
      bytes: demand.bytes,
      at,
      expiresAt: at + rules.queueWaitMs + SUBMIT_WITHIN_MS,
    }
    const mayRunUnrecorded = limits.length === 0 || rules.whenLedgerDown === 'allow'
    const isRecorded = await this.#reserve(reservation, demand, limits, mayRunUnrecorded)
    const region = plan.kind === 'ingest' ? undefined : plan.cost?.region
    this.#running.add(reservation.id)
    return new StatementCharge(
      {
        ledger,
        queue,
        mayRunUnrecorded,
        settlementOf: (bill) => this.settlementOf(source, bill, region),
        onEnd: (id) => this.#running.delete(id),
        onSettled: (settlement) => {
          observer.onSettled(source, ctx.principal.name, settlement)
          if (!ctx.trace) return
          ctx.trace.billedBytes = settlement.billedBytes
          ctx.trace.costUsd = usdOf(settlement.nanoUsd)
        },
      },
      reservation,
      {
        maxBilledBytes: demand.maxBilledBytes,
        submitUntil: Math.min(ctx.deadlineAt, at + MAX_RUN_MS) + SUBMIT_WITHIN_MS,
        isRecorded,
      },
    )
  }

  /**
   * Refuses a batch whose statements together exceed a budget, or the limit that the call brings.
   * @throws BudgetError
   */
  async checkBatch(plans: readonly PlannedStatement[], ctx: Context): Promise<void> {
    const judged = plans.flatMap((plan) =>
      this.bills(plan.query.source) ? { plan, ...this.#judgeRun(plan, ctx) } : [],
    )
    if (judged.length === 0) return
    const { session, source } = judged[0]!.plan.query
    const sumOf = (of: typeof judged): Figures => ({
      what: 'These statements',
      bytes: of.reduce((sum, { demand }) => sum + demand.bytes, 0),
      nanoUsd: of.reduce((sum, { demand }) => sum + demand.nanoUsd, 0),
      isMost: of.some(({ demand }) => demand.figures.isMost),
    })
    const total = sumOf(judged)
    const overCap = overCapOf(total, this.#deps.policy.capsOfClient(session))
    if (overCap) throw this.#counted(source, overCap)
    for (const [name, own] of Map.groupBy(judged, ({ plan }) => plan.query.source)) {
      // The budgets of a source are its own; the sources of the batch share all others.
      const figuresOf = ({ account }: BudgetLimit) => (account.kind === 'source' ? sumOf(own) : total)
      const refusal = await this.#overdraftOf(own[0]!.limits, figuresOf)
      if (refusal) throw this.#counted(name, refusal)
    }
  }

  /** Balances of all budgets of the configuration. @throws GatewayError STATE_UNAVAILABLE */
  async balances(): Promise<
    readonly { readonly limit: BudgetLimit; readonly spent: number; readonly reserved: number }[]
  > {
    const limits = this.#deps.policy.allLimits()
    const balances = limits.length === 0 ? [] : await this.#deps.ledger.balances(limits, this.#now())
    return limits.map((limit, i) => ({
      limit,
      spent: balances[i]!.spentNanoUsd,
      reserved: balances[i]!.reservedNanoUsd,
    }))
  }

  /**
   * What a bill is in the ledger. Slots of reservations are paid whether a statement uses them or not, so they cost no further money.
   * @param region of the plan, for a bill that names none
   */
  settlementOf(
    source: string,
    { billedBytes, slotMs, cacheHit, reservation, location }: Bill,
    region = 'US',
  ): Settlement {
    const { pricing } = this.#deps.policy.billedSource(source)!
    const place = { location: location || region, ...(reservation !== undefined && { reservation }) }
    const { nanoUsdPerTib, costOf: priceOfBill } = tariffOf(pricing, place)
    return {
      nanoUsd: nanoUsdPerTib === undefined ? 0 : (priceOfBill({ billedBytes }) ?? 0),
      billedBytes,
      ...(slotMs !== undefined && { slotMs }),
      ...(cacheHit !== undefined && { cacheHit }),
      at: this.#now(),
    }
  }

  /** @throws BudgetError if no budget could allow the statement */
  #judge(plan: PlannedStatement, ctx: Context): Judged {
    const { source, session } = plan.query
    const { policy, rules } = this.#deps
    const billing = policy.billedSource(source)!
    const cost = plan.kind === 'ingest' ? undefined : plan.cost
    const { nanoUsdPerTib } = tariffOf(billing.pricing, {
      location: cost?.region ?? 'US',
      ...(cost?.reservation !== undefined && { reservation: cost.reservation }),
    })
    const limits = nanoUsdPerTib === undefined ? [] : policy.limitsOf(source, ctx.principal, nanoUsdPerTib)
    return { demand: demandOf(plan, billing, policy.capsOf(source, ctx.principal, session), limits, rules), limits }
  }

  /** As `#judge`, for a statement that is to run: counts a refusal. */
  #judgeRun(plan: PlannedStatement, ctx: Context): Judged {
    try {
      return this.#judge(plan, ctx)
    } catch (error) {
      throw error instanceof BudgetError ? this.#counted(plan.query.source, error) : error
    }
  }

  /** Why a planned statement would not run now. */
  async #refusalOf(plan: Plan, ctx: Context): Promise<BudgetError | undefined> {
    let judged: Judged
    try {
      judged = this.#judge(plan, ctx)
    } catch (error) {
      if (error instanceof BudgetError) return error
      throw error
    }
    return await this.#overdraftOf(judged.limits, () => judged.demand.figures, judged.demand.nanoUsd)
  }

  /** Which limit does not hold an amount now. Without the ledger none is told: it judges again when the statement runs. */
  async #overdraftOf(
    limits: readonly BudgetLimit[],
    figuresOf: (limit: BudgetLimit) => Figures,
    nanoUsd?: number,
  ): Promise<BudgetError | undefined> {
    if (limits.length === 0 || nanoUsd === 0) return undefined
    const at = this.#now()
    const balances = await unlessDown(this.#deps.ledger.balances(limits, at), undefined)
    for (const [i, limit] of limits.entries()) {
      const balance = balances?.[i]
      const figures = figuresOf(limit)
      const amount = nanoUsd ?? figures.nanoUsd ?? 0
      if (balance && amount > 0 && balance.spentNanoUsd + balance.reservedNanoUsd + amount > limit.maxNanoUsd)
        return budgetRefusal(figures, limit, balance, this.#deps.calendar, at)
    }
    return undefined
  }

  /** @returns whether the ledger has the reservation */
  async #reserve(
    reservation: Reservation,
    demand: Demand,
    limits: readonly BudgetLimit[],
    mayRunUnrecorded: boolean,
  ): Promise<boolean> {
    const { ledger, queue, calendar } = this.#deps
    const { source, at } = reservation
    try {
      const { refusedBy, balances } = await ledger.reserve(reservation, limits)
      this.#warnings.check(limits, balances, at, refusedBy)
      if (refusedBy === undefined) return true
      throw this.#counted(source, budgetRefusal(demand.figures, limits[refusedBy]!, balances[refusedBy]!, calendar, at))
    } catch (error) {
      if (!isDown(error)) throw error
      // The reservation may have arrived all the same. With the statement's own id, its bill would settle it.
      if (mayRunUnrecorded) return false
      queue.add((each) => each.release(reservation.id))
      throw this.#ledgerDown(source, error)
    }
  }

  async #freeBytesLeft(
    source: string,
    { pricing }: BilledSource,
    place: Parameters<typeof tariffOf>[1],
  ): Promise<number> {
    const free = pricing.freeBytesPerMonth ?? 0
    const { nanoUsdPerTib } = free > 0 ? tariffOf(pricing, place) : {}
    if (nanoUsdPerTib === undefined) return 0
    const of = [{ account: { kind: 'source', name: source }, period: 'month' }] as const
    const balances = await unlessDown(this.#deps.ledger.balances(of, this.#now()), undefined)
    const used = balances ? balances[0]!.spentNanoUsd + balances[0]!.reservedNanoUsd : Number.MAX_SAFE_INTEGER
    return Math.max(0, free - bytesFor(used, nanoUsdPerTib))
  }

  #counted(source: string, error: BudgetError): BudgetError {
    this.#deps.observer.onRefused(source, error.reason)
    return error
  }

  #ledgerDown(source: string, cause: unknown): GatewayError {
    this.#deps.observer.onRefused(source, 'ledger')
    return new GatewayError(
      'STATE_UNAVAILABLE',
      'A budget applies to this statement, and the ledger of what statements cost does not answer: try again later.',
      { cause, retryAfterMs: 1000 },
    )
  }
}
