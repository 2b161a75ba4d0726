import type { Logger } from '../../query/types.ts'
import { accountKey } from '../ledger/account-key.ts'
import type { Balance, BillingCalendar, BudgetLimit, Ledger } from '../ledger/ledger.ts'
import { usdOf } from '../pricing/nano-usd.ts'

/** Marks that are remembered, so that not every statement asks the ledger for them. */
const MAX_REMEMBERED = 10_000

/** Tells once, on one replica, when a share of a budget is spent or reserved. */
export class BudgetWarnings {
  readonly #rules: { readonly warnAt: readonly number[] }
  readonly #ledger: Ledger
  readonly #calendar: BillingCalendar
  readonly #log: Logger
  readonly #onWarning: (account: string, period: string, level: number) => void
  readonly #told = new Set<string>()

  constructor(
    rules: { readonly warnAt: readonly number[] },
    ledger: Ledger,
    calendar: BillingCalendar,
    log: Logger,
    onWarning: (account: string, period: string, level: number) => void,
  ) {
    this.#rules = rules
    this.#ledger = ledger
    this.#calendar = calendar
    this.#log = log
    this.#onWarning = onWarning
  }

  /** Looks at the balances of limits after a reservation. @param refusedBy index of the limit that is used up */
  check(limits: readonly BudgetLimit[], balances: readonly Balance[], at: number, refusedBy?: number): void {
    for (const [i, limit] of limits.entries()) {
      const { spentNanoUsd, reservedNanoUsd } = balances[i]!
      const share = i === refusedBy ? 1 : (spentNanoUsd + reservedNanoUsd) / limit.maxNanoUsd
      for (const level of this.#rules.warnAt) if (share >= level) this.#tell(limit, balances[i]!, level, at)
    }
  }

  #tell(limit: BudgetLimit, { spentNanoUsd, reservedNanoUsd }: Balance, level: number, at: number): void {
    const { account, period, maxNanoUsd } = limit
    const span = this.#calendar[period === 'day' ? 'dayOf' : 'monthOf'](at)
    const name = `warned:${accountKey(account)}:${span}:${maxNanoUsd}:${level}`
    if (this.#told.has(name)) return
    if (this.#told.size >= MAX_REMEMBERED) this.#told.clear()
    this.#told.add(name)
    const tell = (isFirst: boolean) => {
      if (!isFirst) return
      this.#onWarning(accountKey(account), period, level)
      this.#log.warn(
        {
          event: 'budget',
          account: accountKey(account),
          period,
          span,
          level,
          limitUsd: usdOf(maxNanoUsd),
          spentUsd: usdOf(spentNanoUsd),
          reservedUsd: usdOf(reservedNanoUsd),
        },
        level === 1 ? 'a budget is used up' : `${Math.round(level * 100)} % of a budget are spent or reserved`,
      )
    }
    // A ledger that is down cannot tell whether another replica has warned: one warning too many is better than none.
    this.#ledger.mark(name, at).then(tell, () => tell(true))
  }
}
