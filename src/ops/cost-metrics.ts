import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { MAX_PRINCIPALS, OTHER_PRINCIPALS, type PrincipalLabels } from './metrics/principal-labels.ts'

/** US dollars. An alert on costly statements compares with one of these. */
const statementUsd = [0, 0.001, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 25, 50, 100, 500, 1000]

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
  readonly #statementUsd
  readonly #principals
  readonly #billedBytes
  readonly #refusals
  readonly #warnings
  readonly #corrections
  readonly #correctedUsd

  constructor(registry: Registry, principals: PrincipalLabels) {
    this.#registry = registry
    this.#principals = principals
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
    this.#statementUsd = new Histogram({
      name: 'flightgate_statement_cost_usd',
      help: 'What one statement of a source that bills has cost, in US dollars by the price list.',
      labelNames: ['source'],
      buckets: statementUsd,
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
    this.#correctedUsd = new Counter({
      name: 'flightgate_ledger_corrected_usd_total',
      help: 'Sum of the differences, without their signs, between bills at the engine and other bills that the ledger had, in US dollars.',
      labelNames: ['source'],
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
    gauge(
      'flightgate_budget_used_ratio',
      'Share of a budget that is spent or reserved: 1 is all of it. Absent while the ledger does not answer.',
      ({ spentUsd, reservedUsd, limitUsd }) => (spentUsd + reservedUsd) / limitUsd,
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

  /** Exports the series of sources that bill before their first statement, so that their first increase can be seen. */
  begin(sources: readonly string[]): void {
    for (const source of sources) {
      this.#cost.inc({ source }, 0)
      this.#statementUsd.zero({ source })
      this.#correctedUsd.inc({ source }, 0)
      for (const had of ['open', 'other']) this.#corrections.inc({ source, had }, 0)
    }
  }

  onSettled(source: string, principal: string, usd: number, billedBytes: number): void {
    this.#cost.inc({ source }, usd)
    this.#statementUsd.observe({ source }, usd)
    this.#costOfPrincipals.inc({ principal: this.#principals.of(principal) }, usd)
    this.#billedBytes.inc({ source }, billedBytes)
  }

  onRefused(source: string, reason: string): void {
    this.#refusals.inc({ source, reason })
  }

  onWarning(account: string, period: string, level: number): void {
    this.#warnings.inc({ account, period, level: String(level) })
  }

  /** @param differenceUsd between the bill and what the ledger had, if it had a bill */
  onCorrected(source: string, had: 'open' | 'other', differenceUsd = 0): void {
    this.#corrections.inc({ source, had })
    this.#correctedUsd.inc({ source }, differenceUsd)
  }
}
