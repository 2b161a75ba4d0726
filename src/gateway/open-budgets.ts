import type { Scope } from '../async/scope.ts'
import type { Config } from '../config/config.ts'
import { type BudgetConfig, BudgetPolicy } from '../cost/budget/budget-policy.ts'
import { type BudgetRules, Budgets } from '../cost/budget/budgets.ts'
import { Reconciliation } from '../cost/budget/reconciliation.ts'
import { SettlementQueue } from '../cost/budget/settlement-queue.ts'
import { accountKey } from '../cost/ledger/account-key.ts'
import { billingCalendar } from '../cost/ledger/billing-calendar.ts'
import type { BillingCalendar, Ledger } from '../cost/ledger/ledger.ts'
import { openLedger } from '../cost/ledger/open-ledger.ts'
import { usdOf } from '../cost/pricing/nano-usd.ts'
import { BudgetForecasts } from '../cost/usage/budget-forecasts.ts'
import { CostUsage } from '../cost/usage/cost-usage.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Logger } from '../query/types.ts'
import type { SourceBilling, SourceKinds } from '../sources/kind.ts'
import type { RedisConnection } from '../state/redis/redis-connection.ts'
import type { LiveSources } from './reload/live-sources.ts'
import { StartError, startError } from './start-error.ts'

/** What the gateway has for sources that bill. */
export interface Costs {
  readonly budgets: Budgets
  readonly ledger: Ledger
  readonly calendar: BillingCalendar
  readonly reconciliation: Reconciliation
  readonly usage: CostUsage
  /** Follows changed settings. */
  update(): void
}

/** Parts that the budgets use. */
export interface CostParts {
  readonly config: Config
  readonly kinds: SourceKinds
  readonly sources: Pick<LiveSources, 'all'>
  /** Absent if the ledger is in SQLite. */
  readonly redis: RedisConnection | undefined
  readonly metrics: Metrics
  readonly log: Logger
}

/**
 * Opens the ledger and the budgets; undefined if no source bills its statements. The scope closes them.
 * @throws StartError about `state.directory`
 */
export async function openBudgets(
  { config, kinds, sources, redis, metrics, log }: CostParts,
  scope: Scope,
): Promise<Costs | undefined> {
  const billed = billedSources(config, kinds)
  if (billed.size === 0) return undefined
  const { state } = config
  const calendar = billingCalendar(config.budgets.timeZone)
  const ledger = await openLedger({ redis, directory: state.directory }, calendar, log).catch((error: unknown) => {
    throw startError('state.directory', error)
  })
  scope.defer(() => ledger.close())
  const queue = new SettlementQueue(ledger, log)
  scope.defer(() => queue.close())
  const policy = new BudgetPolicy(budgetsOf(config, kinds))
  const { cost } = metrics
  const budgets = new Budgets({
    policy,
    rules: rulesOf(config),
    ledger,
    queue,
    calendar,
    observer: {
      onRefused: (source, reason) => cost.onRefused(source, reason),
      onWarning: (...warning) => cost.onWarning(...warning),
      onSettled: (source, principal, { nanoUsd, billedBytes }) =>
        cost.onSettled(source, principal, usdOf(nanoUsd), billedBytes),
    },
    log,
  })
  const forecasts = new BudgetForecasts({ ledger, calendar, policy })
  cost.readGauges({
    budgets: async () =>
      (await budgets.balances().catch(() => [])).map(({ limit, spent, reserved }) => ({
        account: accountKey(limit.account),
        period: limit.period,
        limitUsd: usdOf(limit.maxNanoUsd),
        spentUsd: usdOf(spent),
        reservedUsd: usdOf(reserved),
      })),
    forecasts: async () =>
      (await forecasts.read()).map(({ account, nanoUsd }) => ({ account: accountKey(account), usd: usdOf(nanoUsd) })),
    waitingBills: () => queue.waiting,
  })
  cost.begin([...billed.keys()])
  const onCorrected = (source: string, had: 'open' | 'other', differenceNanoUsd = 0) =>
    cost.onCorrected(source, had, usdOf(differenceNanoUsd))
  const reconciliation = new Reconciliation({ budgets, ledger, sources: () => sources.all, log, onCorrected })
  scope.defer(() => reconciliation.close())
  const place = redis ? 'redis' : (state.directory ?? 'memory of this process')
  log.info({ event: 'ledger', place, timeZone: calendar.timeZone, sources: [...billed.keys()] }, 'the ledger is open')
  const usage = new CostUsage({ ledger, calendar, policy })
  const update = () => {
    policy.update(budgetsOf(config, kinds))
    cost.begin([...billedSources(config, kinds).keys()].filter((name) => !billed.has(name)))
  }
  return { budgets, ledger, calendar, reconciliation, usage, update }
}

/** @throws StartError about a source that bills: without one at start, there is no ledger */
export function checkNoBills(config: Config, kinds: SourceKinds): void {
  for (const name of billedSources(config, kinds).keys())
    throw new StartError(
      `sources.${name}: the first source that bills needs a restart, which opens the ledger of costs`,
    )
}

/** The sources that bill their statements, by name. */
function billedSources({ sources }: Config, kinds: SourceKinds): ReadonlyMap<string, SourceBilling> {
  const billed = new Map<string, SourceBilling>()
  for (const [name, settings] of Object.entries(sources)) {
    const billing = kinds[settings.kind]!.billing?.(settings)
    if (billing) billed.set(name, billing)
  }
  return billed
}

function budgetsOf(config: Config, kinds: SourceKinds): BudgetConfig {
  const { budgets, groups, auth } = config
  return {
    gateway: { ...budgets },
    sources: billedSources(config, kinds),
    groups: { ...groups },
    principals: auth.apiKeys,
  }
}

/** The rules that follow the settings. */
function rulesOf({ budgets, limits, log }: Config): BudgetRules {
  const keepsText = log.statements === 'text'
  return {
    get whenUnknown() {
      return budgets.whenUnknown
    },
    get externalCost() {
      return budgets.externalCost
    },
    get whenLedgerDown() {
      return budgets.whenLedgerDown
    },
    get warnAt() {
      return budgets.warnAt
    },
    get queueWaitMs() {
      return limits.queueWaitMs
    },
    keepsText,
  }
}
