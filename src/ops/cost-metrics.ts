import { Counter, Gauge, type Registry } from 'prom-client'

/** Most principals that metrics tell apart; further ones count together. */
const MAX_PRINCIPALS = 200
const OTHER_PRINCIPALS = '(other)'

/** A budget with what is spent and reserved of it. */
export interface BudgetReading {
  readonly account: string
  readonly period: string
  readonly limitUsd: number
  readonly spentUsd: number
  readonly reservedUsd: number
}

/** Reads the values of gauges at each scrape. */
export interface CostReaders {
  /** Empty while the ledger does not answer. */
  budgets(): Promise<readonly BudgetReading[]>
  /** What accounts are expected to cost in the whole month, in US dollars; empty while the ledger does not answer. */
  forecasts(): Promise<readonly { readonly account: string; readonly usd: number }[]>
  /** Bills that wait for the ledger. */
  waitingBills(): number
}

/** Metrics of what statements cost. */
export class CostMetrics {
  readonly #registry: Registry
  readonly #cost
  readonly #costOfPrincipals
  readonly #principals = new Set<string>()
  readonly #billedBytes
  readonly #refusals
  readonly #warnings
  readonly #corrections

  constructor(registry: Registry) {
    this.#registry = registry
    const registers = [registry]
    this.#cost = new Counter({
      name: 'flightgate_cost_usd_total',
      help: 'What statements of sources that bill have cost, in US dollars by the price list, as this process has learned it.',
      labelNames: ['source'],
      registers,
    })
    this.#costOfPrincipals = new Counter({
      name: 'flightgate_principal_cost_usd_total',
      help: `As flightgate_cost_usd_total, by principal: the first ${MAX_PRINCIPALS} of this process; further ones count as ${OTHER_PRINCIPALS}.`,
      labelNames: ['principal'],
      registers,
    })
    this.#billedBytes = new Counter({
      name: 'flightgate_billed_bytes_total',
      help: 'Bytes that sources have billed for statements of this process.',
      labelNames: ['source'],
      registers,
    })
    this.#refusals = new Counter({
      name: 'flightgate_budget_refusals_total',
      help: 'Statements and batches refused by a budget, by reason: query_cost, query_bytes (limits on one statement), day, month (budgets), unknown (cost that the engine does not tell), external (costs of other services), ledger (it does not answer).',
      labelNames: ['source', 'reason'],
      registers,
    })
    this.#warnings = new Counter({
      name: 'flightgate_budget_warnings_total',
      help: 'Shares of budgets (budgets.warnAt) that were reached, each once for a day or month.',
      labelNames: ['account', 'period', 'level'],
      registers,
    })
    this.#corrections = new Counter({
      name: 'flightgate_ledger_corrections_total',
      help: 'Statements whose bill at the engine differed from the ledger, by what the ledger had: open (no bill yet), other (another bill).',
      labelNames: ['source', 'had'],
      registers,
    })
  }

  /** Adds the gauges. */
  readGauges(read: CostReaders): void {
    const registers = [this.#registry]
    let reading: Promise<readonly BudgetReading[]> | undefined
    // The gauges of a scrape are collected at the same time.
    const budgets = () => {
      reading ??= read.budgets().finally(() => {
        reading = undefined
      })
      return reading
    }
    const gauge = (name: string, help: string, figureOf: (budget: BudgetReading) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['account', 'period'],
        registers,
        // Workers read the same ledger.
        aggregator: 'max',
        async collect() {
          const found = await budgets()
          this.reset()
          for (const each of found) this.set({ account: each.account, period: each.period }, figureOf(each))
        },
      })
    gauge(
      'flightgate_budget_limit_usd',
      'Budget of a day or month, in US dollars. Accounts are gateway, source/NAME, group/NAME and principal/NAME.',
      ({ limitUsd }) => limitUsd,
    )
    gauge(
      'flightgate_budget_spent_usd',
      'What is spent of a budget in the present day or month, by all replicas that share the ledger; absent while it does not answer.',
      ({ spentUsd }) => spentUsd,
    )
    gauge(
      'flightgate_budget_reserved_usd',
      'What running statements hold of a budget.',
      ({ reservedUsd }) => reservedUsd,
    )
    new Gauge({
      name: 'flightgate_cost_forecast_usd',
      help: 'What the whole month of budgets.timeZone is expected to cost, in US dollars, for the gateway and each account with a budget, by all replicas that share the ledger; at most a minute old, and absent without history.',
      labelNames: ['account'],
      registers,
      aggregator: 'max',
      async collect() {
        const found = await read.forecasts()
        this.reset()
        for (const { account, usd } of found) this.set({ account }, usd)
      },
    })
    new Gauge({
      name: 'flightgate_ledger_waiting_bills',
      help: 'Bills that wait in memory because the ledger does not answer.',
      registers,
      collect() {
        this.set(read.waitingBills())
      },
    })
  }

  onSettled(source: string, principal: string, usd: number, billedBytes: number): void {
    this.#cost.inc({ source }, usd)
    if (this.#principals.size < MAX_PRINCIPALS) this.#principals.add(principal)
    this.#costOfPrincipals.inc({ principal: this.#principals.has(principal) ? principal : OTHER_PRINCIPALS }, usd)
    this.#billedBytes.inc({ source }, billedBytes)
  }

  onRefused(source: string, reason: string): void {
    this.#refusals.inc({ source, reason })
  }

  onWarning(account: string, period: string, level: number): void {
    this.#warnings.inc({ account, period, level: String(level) })
  }

  onCorrected(source: string, had: 'open' | 'other'): void {
    this.#corrections.inc({ source, had })
  }
}
