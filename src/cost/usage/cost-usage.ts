import { lacks } from '../../query/access/allows.ts'
import { mayControlOthers } from '../../query/control/active-statements.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Principal } from '../../query/types.ts'
import type { BudgetPolicy } from '../budget/budget-policy.ts'
import { isDown } from '../budget/statement-charge.ts'
import { billingCalendar } from '../ledger/billing-calendar.ts'
import type { BillingCalendar, BudgetLimit, Ledger, TopStatement, UsageRow, UsageSelection } from '../ledger/ledger.ts'
import { addDays, type Forecast, forecastOf, HISTORY_DAYS, lastDayOf } from './forecast.ts'

/** Most statements of a report. */
const TOP_STATEMENTS = 20

/** Most labels of a report: each principal may have many of a day. */
const MAX_ROWS_OF_LABELS = 100

/** What a report counts. Absent members do not restrict it. */
export interface CostSelection {
  /** As `2026-11`; by default the month that is not over. */
  readonly month?: string | undefined
  readonly source?: string | undefined
  readonly principal?: string | undefined
  readonly group?: string | undefined
  readonly label?: string | undefined
}

/** Figures of the statements of one day, source, principal, group or label; amounts in billionths of a US dollar. */
export interface CostRow extends Pick<UsageRow, 'statements' | 'nanoUsd' | 'billedBytes' | 'slotMs' | 'cacheHits'> {
  /** Name of the day, source, principal, group or label; empty for the total, and for statements without a label. */
  readonly name: string
}

/** A budget with what is spent of it. */
export interface BudgetState {
  readonly limit: BudgetLimit
  readonly spentNanoUsd: number
  readonly reservedNanoUsd: number
}

/** What the statements of a month have cost. */
export interface CostReport {
  readonly month: string
  readonly timeZone: string
  /** What is counted: a principal that may not operate the source sees itself only. */
  readonly selection: Omit<CostSelection, 'month'>
  readonly total: CostRow
  readonly days: readonly CostRow[]
  /** The most expensive first. */
  readonly sources: readonly CostRow[]
  readonly principals: readonly CostRow[]
  readonly groups: readonly CostRow[]
  /** At most 100; empty if no statement has a label. */
  readonly labels: readonly CostRow[]
  readonly statements: readonly TopStatement[]
  /** Absent for months that are over, and without history. */
  readonly forecast?: Forecast
  /** Budgets of today and of this month; empty for months that are over. */
  readonly budgets: readonly BudgetState[]
}

/** Dependencies of `CostUsage`. */
export interface CostUsageDependencies {
  readonly ledger: Pick<Ledger, 'usage' | 'top' | 'balances'>
  readonly calendar: BillingCalendar
  readonly policy: Pick<BudgetPolicy, 'allLimits' | 'billedSource'>
  /** Unix milliseconds. */
  readonly now?: () => number
}

/** Reports what statements have cost, from the ledger. */
export class CostUsage {
  readonly #deps: CostUsageDependencies
  readonly #now: () => number

  constructor(deps: CostUsageDependencies) {
    this.#deps = deps
    this.#now = deps.now ?? Date.now
  }

  /**
   * Reports a month. Principals see their own figures, and those of everybody at sources that they may operate.
   * @throws GatewayError FORBIDDEN for figures of others; BAD_REQUEST for a month that is none; STATE_UNAVAILABLE
   */
  async report(selection: CostSelection, caller: Principal): Promise<CostReport> {
    const { ledger, calendar } = this.#deps
    const at = this.#now()
    const today = calendar.dayOf(at)
    const month = monthOf(selection.month, today)
    const isCurrent = today.startsWith(month)
    const by = selectionFor(selection, caller)
    const span = { fromDay: `${month}-01`, toDay: lastDayOf(month), ...by }
    const fromDay = isCurrent ? [addDays(today, -HISTORY_DAYS), span.fromDay].sort()[0]! : span.fromDay
    const [history, sources, principals, groups, labels, statements, budgets] = await Promise.all([
      ledger.usage({ ...span, fromDay, by: ['day'] }),
      ledger.usage({ ...span, by: ['source'] }),
      ledger.usage({ ...span, by: ['principal'] }),
      ledger.usage({ ...span, by: ['group'] }),
      ledger.usage({ ...span, by: ['label'] }),
      ledger.top(span, TOP_STATEMENTS),
      isCurrent ? this.#budgets(by, caller, at) : [],
    ])
    const days = history.filter(({ day }) => day!.startsWith(month))
    const forecast = isCurrent
      ? forecastOf(new Map(history.map(({ day, nanoUsd }) => [day!, nanoUsd])), today)
      : undefined
    return {
      month,
      timeZone: calendar.timeZone,
      selection: by,
      total: totalOf(days),
      days: days.map((row) => named(row, row.day)).sort((a, b) => (a.name < b.name ? -1 : 1)),
      sources: byCost(sources.map((row) => named(row, row.source))),
      principals: byCost(principals.map((row) => named(row, row.principal))),
      groups: byCost(groups.map((row) => named(row, row.group))).filter(({ name }) => name !== ''),
      labels: labels.some(({ label }) => label !== '')
        ? byCost(labels.map((row) => named(row, row.label))).slice(0, MAX_ROWS_OF_LABELS)
        : [],
      statements,
      ...(forecast && { forecast }),
      budgets,
    }
  }

  /**
   * What the statements of a principal have cost today, in billionths of a US dollar, for each source that bills. The day is that
   * of the billing time zone. A ledger that does not answer leaves it empty: the rest of a report does not depend on it.
   */
  async today(principal: string, sources: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { ledger, calendar, policy } = this.#deps
    const billed = sources.filter((source) => policy.billedSource(source) !== undefined)
    if (billed.length === 0) return new Map()
    const day = calendar.dayOf(this.#now())
    try {
      const rows = await ledger.usage({ fromDay: day, toDay: day, principal, by: ['source'] })
      const costs = new Map(rows.map(({ source, nanoUsd }) => [source!, nanoUsd]))
      return new Map(billed.map((source) => [source, costs.get(source) ?? 0]))
    } catch (error) {
      if (isDown(error)) return new Map()
      throw error
    }
  }

  /** The budgets that the selection is about; those that a principal may see. */
  async #budgets(
    { source, principal, group }: Omit<CostSelection, 'month'>,
    caller: Principal,
    at: number,
  ): Promise<readonly BudgetState[]> {
    const isAdmin = mayControlOthers(caller, source)
    const limits = this.#deps.policy.allLimits(caller).filter(({ account: { kind, name } }) => {
      if (!isAdmin)
        return kind === 'principal' ? name === caller.name : kind === 'group' && caller.groups?.includes(name)
      if (source === undefined && principal === undefined && group === undefined) return true
      return name === { source, principal, group, gateway: undefined }[kind]
    })
    const balances = limits.length === 0 ? [] : await this.#deps.ledger.balances(limits, at)
    return limits.map((limit, index) => ({ limit, ...balances[index]! }))
  }
}

function monthOf(month: string | undefined, today: string): string {
  if (month === undefined || month === '') return today.slice(0, 7)
  if (!/^(?!0000)\d{4}-(?:0[1-9]|1[0-2])$/.test(month))
    throw new GatewayError('BAD_REQUEST', 'A month is a year and a month, such as 2026-11.')
  return month
}

function selectionFor(
  { source, principal, group, label }: CostSelection,
  caller: Principal,
): Pick<UsageSelection, 'source' | 'principal' | 'group' | 'label'> {
  const isAdmin = mayControlOthers(caller, source)
  if (!isAdmin && principal && principal !== caller.name)
    throw lacks(caller, 'operate', { source: source || undefined }, 'Without it you see your own costs.')
  const whose = isAdmin ? principal : caller.name
  return {
    ...(source && { source }),
    ...(whose && { principal: whose }),
    ...(group && { group }),
    ...(label && { label }),
  }
}

function named({ statements, nanoUsd, billedBytes, slotMs, cacheHits }: UsageRow, name = ''): CostRow {
  return { name, statements, nanoUsd, billedBytes, slotMs, cacheHits }
}

function byCost(rows: readonly CostRow[]): readonly CostRow[] {
  return [...rows].sort((a, b) => b.nanoUsd - a.nanoUsd || b.billedBytes - a.billedBytes || (a.name < b.name ? -1 : 1))
}

function totalOf(rows: readonly UsageRow[]): CostRow {
  const sum = (of: (row: UsageRow) => number) => rows.reduce((total, row) => total + of(row), 0)
  return {
    name: '',
    statements: sum(({ statements }) => statements),
    nanoUsd: sum(({ nanoUsd }) => nanoUsd),
    billedBytes: sum(({ billedBytes }) => billedBytes),
    slotMs: sum(({ slotMs }) => slotMs),
    cacheHits: sum(({ cacheHits }) => cacheHits),
  }
}

/** A ledger without entries. */
const nothing: CostUsageDependencies['ledger'] = {
  usage: async () => [],
  top: async () => [],
  balances: async () => [],
}

/** No budgets, and no source that bills. */
const policy: CostUsageDependencies['policy'] = { allLimits: () => [], billedSource: () => undefined }

/** Reports for a gateway whose sources bill nothing. */
export function freeOfCharge(timeZone: string): CostUsage {
  return new CostUsage({ ledger: nothing, calendar: billingCalendar(timeZone), policy })
}
