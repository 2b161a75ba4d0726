import { Counter, Gauge, type Registry } from 'prom-client'

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
  /** Bills that wait for the ledger. */
  waitingBills(): number
}

/** Metrics of what statements cost. */
export class CostMetrics {
  readonly #registry: Registry
  readonly #cost
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
    const labelNames = ['account', 'period']
    const limit = new Gauge({
      name: 'flightgate_budget_limit_usd',
      help: 'Budget of a day or month, in US dollars. Accounts are gateway, source/NAME, group/NAME and principal/NAME.',
      labelNames,
      registers,
      async collect() {
        for (const gauge of [limit, spent, reserved]) gauge.reset()
        for (const { account, period, limitUsd, spentUsd, reservedUsd } of await read.budgets()) {
          limit.set({ account, period }, limitUsd)
          spent.set({ account, period }, spentUsd)
          reserved.set({ account, period }, reservedUsd)
        }
      },
    })
    const spent = new Gauge({
      name: 'flightgate_budget_spent_usd',
      help: 'What is spent of a budget in the present day or month, by all replicas that share the ledger; absent while it does not answer.',
      labelNames,
      registers,
    })
    const reserved = new Gauge({
      name: 'flightgate_budget_reserved_usd',
      help: 'What running statements hold of a budget.',
      labelNames,
      registers,
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

  onSettled(source: string, usd: number, billedBytes: number): void {
    this.#cost.inc({ source }, usd)
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
