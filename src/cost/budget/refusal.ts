import { GatewayError } from '../../query/errors.ts'
import { bytesInWords, nanoUsdInWords } from '../amounts.ts'
import type { Balance, BillingCalendar, BudgetLimit } from '../ledger/ledger.ts'
import { usdOf } from '../pricing/nano-usd.ts'
import type { Cap, Caps } from './budget-policy.ts'

/** Why a budget refuses a statement; the label of the metric. */
export type BudgetRefusal = 'query_cost' | 'query_bytes' | 'day' | 'month' | 'unknown' | 'external' | 'ledger'

/** What a statement, or a batch, would read and cost; absent figures are unknown. */
export interface Figures {
  readonly what: 'This statement' | 'These statements'
  readonly bytes?: number | undefined
  readonly nanoUsd?: number | undefined
  /** The engine does not tell what a statement costs: the figures are what it may cost at most. */
  readonly isMost?: boolean
}

/** An error with its reason. */
export class BudgetError extends GatewayError {
  readonly reason: BudgetRefusal

  constructor(reason: BudgetRefusal, message: string, details: Readonly<Record<string, string>>) {
    super('BUDGET_EXCEEDED', message, { details: { reason, ...details } })
    this.reason = reason
  }
}

const usd = (nanoUsd: number) => String(usdOf(nanoUsd))

/** Which limit on single statements the figures exceed, if any. */
export function overCapOf(figures: Figures, { nanoUsd, bytes }: Caps): BudgetError | undefined {
  if (nanoUsd && figures.nanoUsd !== undefined && figures.nanoUsd > nanoUsd.max)
    return capRefusal(figures, nanoUsd, 'nanoUsd')
  if (bytes && figures.bytes !== undefined && figures.bytes > bytes.max) return capRefusal(figures, bytes, 'bytes')
  return undefined
}

function capRefusal(figures: Figures, cap: Cap, unit: 'nanoUsd' | 'bytes'): BudgetError {
  const isMoney = unit === 'nanoUsd'
  const max = isMoney ? nanoUsdInWords(cap.max) : bytesInWords(cap.max)
  const whose =
    cap.account.kind === 'client'
      ? 'the limit of this call'
      : `the limit of one statement of ${accountInWords(cap.account)}`
  return new BudgetError(
    isMoney ? 'query_cost' : 'query_bytes',
    `${would(figures)}; ${whose} is ${max}. ${todo(cap.account.kind === 'client' ? undefined : 'a higher limit')}`,
    {
      ...detailsOf(figures),
      account: keyOf(cap.account),
      [isMoney ? 'limit_usd' : 'limit_bytes']: isMoney ? usd(cap.max) : String(cap.max),
    },
  )
}

/** A statement that the budget of a day or month does not hold. */
export function budgetRefusal(
  figures: Figures,
  { account, period, maxNanoUsd }: BudgetLimit,
  { spentNanoUsd, reservedNanoUsd }: Balance,
  calendar: BillingCalendar,
  at: number,
): BudgetError {
  const left = Math.max(0, maxNanoUsd - spentNanoUsd - reservedNanoUsd)
  const endsAt = calendar.endOf(period, at)
  const running = reservedNanoUsd > 0 ? `, with ${nanoUsdInWords(reservedNanoUsd)} held by statements that run` : ''
  return new BudgetError(
    period,
    `${would(figures)}; ${nanoUsdInWords(left)} of the ${period === 'day' ? 'daily' : 'monthly'} budget of ${nanoUsdInWords(maxNanoUsd)} of ${accountInWords(account)} ${left === 1e9 ? 'is' : 'are'} left until ${dateInWords(endsAt, calendar.timeZone)}${running}. ${figures.isMost ? LESS_AT_MOST : todo('more')}`,
    {
      ...detailsOf(figures),
      account: keyOf(account),
      period,
      limit_usd: usd(maxNanoUsd),
      spent_usd: usd(spentNanoUsd),
      reserved_usd: usd(reservedNanoUsd),
      left_usd: usd(left),
      resets_at: new Date(endsAt).toISOString(),
      time_zone: calendar.timeZone,
    },
  )
}

/** A statement whose cost is not known, where that is not allowed. */
export function unknownRefusal(isAlways: boolean): BudgetError {
  return new BudgetError(
    'unknown',
    `The engine does not tell what this statement costs, and ${isAlways ? 'the gateway runs no such statements (budgets.whenUnknown)' : 'a budget applies to it'}. Split it into statements without loops and conditions, read tables instead of external data${isAlways ? '' : ', or send a limit of your own for this call (x-flightgate-max-cost-usd): the engine then ends the statement at the limit'}.`,
    {},
  )
}

/** A statement that other services bill too. */
export function externalRefusal(costs: readonly string[]): BudgetError {
  return new BudgetError(
    'external',
    `${costs.join(' ')} The gateway runs no statement with such costs (budgets.externalCost), since it cannot limit them.`,
    {},
  )
}

const LESS_AT_MOST =
  'Send a lower limit with the call (x-flightgate-max-cost-usd), at which the engine ends it: only that is reserved then. Or ask the operator of the gateway for more.'

function would({ what, bytes, nanoUsd, isMost }: Figures): string {
  if (isMost) {
    const most = [bytes === undefined ? '' : bytesInWords(bytes), nanoUsd === undefined ? '' : nanoUsdInWords(nanoUsd)]
    const whose = what === 'This statement' ? 'the limit of one statement' : 'the limits of single statements'
    return `The engine does not tell what ${what.toLowerCase()} would cost, so ${whose} would be reserved (${most.filter(Boolean).join(', ')})`
  }
  const read = bytes === undefined ? undefined : `be billed for ${bytesInWords(bytes)}`
  const cost = nanoUsd === undefined ? undefined : `cost ${nanoUsdInWords(nanoUsd)}`
  return `${what} would ${[read, cost].filter((each) => each !== undefined).join(' and ') || 'cost more'}`
}

function todo(ask: string | undefined): string {
  const change = 'Name fewer columns or filter by the partition of the table; an estimate tells what saves most'
  return ask === undefined ? `${change}.` : `${change}. Or ask the operator of the gateway for ${ask}.`
}

function accountInWords({ kind, name }: BudgetLimit['account']): string {
  switch (kind) {
    case 'gateway':
      return 'the gateway'
    case 'source':
      return `the source ${name}`
    case 'group':
      return `the group ${name}`
    case 'principal':
      return name
  }
}

function keyOf(account: Cap['account']): string {
  return 'name' in account && account.kind !== 'gateway' ? `${account.kind}/${account.name}` : account.kind
}

function detailsOf({ bytes, nanoUsd }: Figures): Record<string, string> {
  return {
    ...(bytes !== undefined && { billable_bytes: String(bytes) }),
    ...(nanoUsd !== undefined && { cost_usd: usd(nanoUsd) }),
  }
}

function dateInWords(at: number, timeZone: string): string {
  const date = new Intl.DateTimeFormat('en-GB', { timeZone, day: 'numeric', month: 'long' }).format(at)
  return `${date} (${timeZone})`
}
