import { type MemberGroups, memberSettingsOf } from '../../config/sections/member-settings.ts'
import type { BudgetSettings } from '../../config/setting/budget.ts'
import type { PricingSettings } from '../../config/setting/pricing.ts'
import type { Principal, SessionOptions } from '../../query/types.ts'
import type { Account, BudgetLimit, Period } from '../ledger/ledger.ts'
import { nanoUsdOf, nanoUsdOfBytes } from '../pricing/nano-usd.ts'

/** How a source bills, by its settings. */
export interface BilledSource {
  readonly pricing: PricingSettings
  readonly limits: BudgetSettings
}

/** All budgets of the configuration. */
export interface BudgetConfig {
  readonly gateway: BudgetSettings
  /** The sources that bill, by name. */
  readonly sources: ReadonlyMap<string, BilledSource>
  readonly groups: MemberGroups & Readonly<Record<string, { readonly budgets: BudgetSettings }>>
  /** Those with API keys; the budgets of their groups' members are theirs already. */
  readonly principals: readonly { readonly name: string; readonly budgets?: BudgetSettings }[]
}

/** The lowest limit on one statement, and whose it is. */
export interface Cap {
  readonly max: number
  readonly account: Account | { readonly kind: 'client' }
}

/** The limits on one statement. */
export interface Caps {
  readonly nanoUsd?: Cap
  readonly bytes?: Cap
}

interface Payer {
  readonly account: Account
  readonly budgets: BudgetSettings
}

const periods: readonly (readonly [Period, 'dailyBudgetUsd' | 'monthlyBudgetUsd'])[] = [
  ['day', 'dailyBudgetUsd'],
  ['month', 'monthlyBudgetUsd'],
]

/** Finds which limits apply to a statement: all those of the gateway, its source, its principal and its groups. */
export class BudgetPolicy {
  #config: BudgetConfig
  #principals: ReadonlyMap<string, BudgetSettings> = new Map()

  constructor(config: BudgetConfig) {
    this.#config = config
    this.update(config)
  }

  /** Replaces all budgets. What has been spent stays. */
  update(config: BudgetConfig): void {
    this.#config = config
    this.#principals = new Map(config.principals.flatMap(({ name, budgets }) => (budgets ? [[name, budgets]] : [])))
  }

  /** How a source bills; undefined if it does not. */
  billedSource(source: string): BilledSource | undefined {
    return this.#config.sources.get(source)
  }

  get sourceNames(): readonly string[] {
    return [...this.#config.sources.keys()]
  }

  /**
   * Budgets of days and months that a statement counts for.
   * @param nanoUsdPerTib price of the source's own free bytes, which a month has on top; undefined if bytes are not billed
   */
  limitsOf(source: string, principal: Principal, nanoUsdPerTib?: number): BudgetLimit[] {
    const freeBytes = this.#config.sources.get(source)?.pricing.freeBytesPerMonth ?? 0
    const free = nanoUsdPerTib === undefined || freeBytes === 0 ? 0 : nanoUsdOfBytes(freeBytes, nanoUsdPerTib)
    return this.#payersOf(source, principal).flatMap((payer) => limitsOfPayer(payer, free))
  }

  /** Limits on the statement itself. The client's own ones only lower the others. */
  capsOf(source: string, principal: Principal, session: SessionOptions): Caps {
    const payers = this.#payersOf(source, principal).map(({ account, budgets }) => ({ account, ...budgets }))
    return lowestCaps([...payers, ofClient(session)])
  }

  /** The limits that a client brings itself. */
  capsOfClient(session: SessionOptions): Caps {
    return lowestCaps([ofClient(session)])
  }

  /**
   * Every budget of the configuration, for metrics and lists.
   * @param member a principal whose budget is listed too, if only its groups give it
   */
  allLimits(member?: Pick<Principal, 'name' | 'groups'>): BudgetLimit[] {
    const { gateway, sources, groups } = this.#config
    const payers: Payer[] = [
      { account: { kind: 'gateway', name: '' }, budgets: gateway },
      ...[...sources].map(([name, { limits }]) => ({ account: { kind: 'source', name } as const, budgets: limits })),
      ...Object.entries(groups).map(([name, { budgets }]) => ({ account: { kind: 'group', name } as const, budgets })),
      ...[...this.#principals].map(([name, budgets]) => ({ account: { kind: 'principal', name } as const, budgets })),
      ...(member && !this.#principals.has(member.name) ? [this.#ownPayerOf(member)] : []),
    ]
    return payers.flatMap((payer) => limitsOfPayer(payer, 0))
  }

  #payersOf(source: string, { name, groups = [] }: Principal): Payer[] {
    const { gateway, sources, groups: all } = this.#config
    return [
      { account: { kind: 'gateway', name: '' }, budgets: gateway },
      { account: { kind: 'source', name: source }, budgets: sources.get(source)?.limits ?? {} },
      ...groups.map((group) => ({
        account: { kind: 'group', name: group } as const,
        budgets: Object.hasOwn(all, group) ? all[group]!.budgets : {},
      })),
      this.#ownPayerOf({ name, groups }),
    ]
  }

  #ownPayerOf({ name, groups = [] }: Pick<Principal, 'name' | 'groups'>): Payer {
    const budgets = this.#principals.get(name) ?? memberSettingsOf(groups, this.#config.groups).budgets ?? {}
    return { account: { kind: 'principal', name }, budgets }
  }
}

/** The free bytes belong to the source, and so to the gateway. */
function limitsOfPayer({ account, budgets }: Payer, freeNanoUsd: number): BudgetLimit[] {
  return periods.flatMap(([period, setting]) => {
    const usd = budgets[setting]
    if (usd === undefined) return []
    const hasFree = period === 'month' && (account.kind === 'source' || account.kind === 'gateway')
    return { account, period, maxNanoUsd: nanoUsdOf(usd) + (hasFree ? freeNanoUsd : 0) }
  })
}

interface StatementLimits extends Partial<BudgetSettings> {
  readonly account: Cap['account']
}

function ofClient({ maxCostUsd, maxBilledBytes }: SessionOptions): StatementLimits {
  return { account: { kind: 'client' }, maxCostPerQueryUsd: maxCostUsd, maxBytesPerQuery: maxBilledBytes }
}

function lowestCaps(all: readonly StatementLimits[]): Caps {
  const caps: { nanoUsd?: Cap; bytes?: Cap } = {}
  for (const { account, maxCostPerQueryUsd: usd, maxBytesPerQuery: bytes } of all) {
    if (usd !== undefined && !(nanoUsdOf(usd) >= (caps.nanoUsd?.max ?? Number.POSITIVE_INFINITY)))
      caps.nanoUsd = { max: nanoUsdOf(usd), account }
    if (bytes !== undefined && !(bytes >= (caps.bytes?.max ?? Number.POSITIVE_INFINITY)))
      caps.bytes = { max: bytes, account }
  }
  return caps
}
