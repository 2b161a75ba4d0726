import type { BudgetPolicy } from '../budget/budget-policy.ts'
import { accountKey } from '../ledger/account-key.ts'
import type { Account, BillingCalendar, Ledger } from '../ledger/ledger.ts'
import { addDays, forecastOf, HISTORY_DAYS } from './forecast.ts'

/** How long forecasts are kept, in milliseconds: the sums of two months take the ledger some time. */
const FRESH_MS = 60_000
/** How long a caller waits for the ledger, in milliseconds; then it gets what was known before. */
const MAX_WAIT_MS = 1000

/** What the statements of an account are expected to cost in the whole month. */
export interface BudgetForecast {
  readonly account: Account
  /** Billionths of a US dollar. */
  readonly nanoUsd: number
}

/** Dependencies of `BudgetForecasts`. */
export interface BudgetForecastsDependencies {
  readonly ledger: Pick<Ledger, 'usage'>
  readonly calendar: BillingCalendar
  readonly policy: Pick<BudgetPolicy, 'allLimits'>
  /** Unix milliseconds. */
  readonly now?: () => number
}

/** Forecasts to the end of the month for the gateway and each account that has a budget, for metrics. */
export class BudgetForecasts {
  readonly #deps: BudgetForecastsDependencies
  readonly #now: () => number
  #known: readonly BudgetForecast[] = []
  #knownAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(deps: BudgetForecastsDependencies) {
    this.#deps = deps
    this.#now = deps.now ?? Date.now
  }

  /** The forecasts, at most a minute old if the ledger answers in time; empty if it does not answer. */
  async read(): Promise<readonly BudgetForecast[]> {
    const at = this.#now()
    if (at - this.#knownAt >= FRESH_MS) {
      this.#asking ??= this.#ask(at).finally(() => {
        this.#asking = undefined
      })
      let timer: NodeJS.Timeout | undefined
      const elapsed = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, MAX_WAIT_MS)
      })
      await Promise.race([this.#asking, elapsed])
      clearTimeout(timer)
    }
    return this.#known
  }

  async #ask(at: number): Promise<void> {
    try {
      this.#known = await this.#forecasts(at)
      this.#knownAt = at
    } catch {
      this.#known = []
    }
  }

  async #forecasts(at: number): Promise<readonly BudgetForecast[]> {
    const { ledger, calendar, policy } = this.#deps
    const limited: Account[] = [{ kind: 'gateway', name: '' }, ...policy.allLimits().map(({ account }) => account)]
    const accounts = [...new Map(limited.map((account) => [accountKey(account), account])).values()]
    const today = calendar.dayOf(at)
    const fromDay = [addDays(today, -HISTORY_DAYS), `${today.slice(0, 7)}-01`].sort()[0]!
    const costs = new Map(accounts.map((account) => [accountKey(account), new Map<string, number>()]))
    for (const kind of new Set(accounts.map((account) => account.kind))) {
      const by = kind === 'gateway' ? (['day'] as const) : (['day', kind] as const)
      for (const row of await ledger.usage({ fromDay, toDay: today, by })) {
        const name = kind === 'gateway' ? '' : row[kind]!
        costs.get(accountKey({ kind, name }))?.set(row.day!, row.nanoUsd)
      }
    }
    return accounts.flatMap((account) => {
      const forecast = forecastOf(costs.get(accountKey(account))!, today)
      return forecast ? { account, nanoUsd: forecast.nanoUsd } : []
    })
  }
}
