import { GatewayError } from '../query/errors.ts'
import type { ReadStats, ResultObserver } from '../query/results/holding.ts'
import type { StatementAccounts } from '../query/stages/quota.ts'
import { type Caller, type Context, holderOf, type Query } from '../query/types.ts'
import type { ByteCount, DailyBytes } from './daily-bytes.ts'
import { ownerOf, type QuotaPolicy, type RefusalReason } from './quota-policy.ts'
import type { SharedPlaces } from './shared-places.ts'
import type { UsageLedger, UsageTab } from './usage-ledger.ts'
import { utcDayOf } from './utc-day.ts'

/** Dependencies of `StatementQuotas`. */
export interface StatementQuotaDependencies {
  readonly policy: QuotaPolicy
  readonly ledger: UsageLedger
  readonly bytes: DailyBytes
  readonly places: SharedPlaces
  onRefused(reason: RefusalReason): void
}

/** Suggested delay before a statement above the concurrency limit is sent again, in milliseconds. */
const RETRY_MS = 1000

/**
 * Counts statements, and refuses those above the quotas of their caller. The number of concurrent statements is one of all
 * replicas; while the shared state is down, of this one. Bytes are counted as they are read: a statement that has begun may read to
 * its end.
 */
export class StatementQuotas implements StatementAccounts {
  readonly #deps: StatementQuotaDependencies
  /** Statements of limited callers on this replica, by holder. */
  readonly #running = new Map<string, number>()

  constructor(deps: StatementQuotaDependencies) {
    this.#deps = deps
  }

  open(query: Query, ctx: Context): ResultObserver | Promise<ResultObserver> {
    const { policy, ledger } = this.#deps
    const tab = ledger.tabOf(ctx.principal.name, query.source)
    const { maxConcurrentStatements, maxBytesPerDay } = policy.of(ctx.principal)
    return maxConcurrentStatements || maxBytesPerDay ? this.#openLimited(tab, ctx) : tab
  }

  onPlanFailed(query: Query, { principal }: Context, error: unknown): void {
    this.#deps.ledger.tabOf(principal.name, query.source).onEnd(error)
  }

  /**
   * Checks that the caller may begin statements now.
   * @param statements that would run at the same time
   * @throws GatewayError QUOTA_EXCEEDED
   */
  async check(caller: Caller, statements = 1): Promise<void> {
    const { maxConcurrentStatements: max = 0, maxBytesPerDay = 0 } = this.#deps.policy.of(caller.principal)
    if (max > 0) this.#checkRunning(caller, statements, max, await this.runningOf(caller))
    if (maxBytesPerDay > 0) await this.#checkBytes(caller, maxBytesPerDay)
  }

  /** Number of the caller's statements that wait, run or are read on all replicas, if it is limited; while the shared state is down, on this one. */
  async runningOf(caller: Caller): Promise<number> {
    const shared = await this.#deps.places.countOf(holderOf(caller)).catch(() => 0)
    return Math.max(shared, this.#runningHere(caller))
  }

  /**
   * How many statements the caller may begin at this replica, perhaps none; undefined if their number is not limited. Other
   * replicas may leave it fewer.
   */
  freeOf(caller: Caller): number | undefined {
    const { maxConcurrentStatements: max = 0 } = this.#deps.policy.of(caller.principal)
    return max > 0 ? Math.max(0, max - this.#runningHere(caller)) : undefined
  }

  async #openLimited(tab: UsageTab, ctx: Context): Promise<ResultObserver> {
    const { maxConcurrentStatements: max = 0, maxBytesPerDay = 0 } = this.#deps.policy.of(ctx.principal)
    const holder = holderOf(ctx)
    if (max > 0) this.#checkRunning(ctx, 1, max, this.#runningHere(ctx))
    // Take the place before waiting: otherwise several statements would pass the check at once.
    this.#running.set(holder, this.#runningHere(ctx) + 1)
    let giveBack: (() => void) | undefined
    const release = () => {
      giveBack?.()
      const left = this.#runningHere(ctx) - 1
      if (left > 0) this.#running.set(holder, left)
      else this.#running.delete(holder)
    }
    try {
      if (max > 0) {
        giveBack = await this.#deps.places.take(holder, max)
        if (!giveBack) this.#checkRunning(ctx, 1, max, max)
      }
      if (maxBytesPerDay > 0) await this.#checkBytes(ctx, maxBytesPerDay)
    } catch (error) {
      release()
      throw error
    }
    return new LimitedAccount(tab, maxBytesPerDay > 0 ? this.#deps.bytes.countOf(holder) : undefined, release)
  }

  #runningHere(caller: Caller): number {
    return this.#running.get(holderOf(caller)) ?? 0
  }

  #checkRunning(caller: Caller, statements: number, max: number, running: number): void {
    if (running + statements <= max) return
    this.#deps.onRefused('statements')
    const limit = `${ownerOf(caller)} may run ${max} at the same time (quotas.maxConcurrentStatements)`
    throw new GatewayError(
      'QUOTA_EXCEEDED',
      statements === 1
        ? `${running} statements wait, run or are read, and ${limit}: try again when one has ended.`
        : `These are ${statements} statements at once beside ${running} that wait, run or are read, and ${limit}: run fewer at once.`,
      { retryAfterMs: RETRY_MS },
    )
  }

  async #checkBytes(caller: Caller, max: number): Promise<void> {
    const read = await this.#deps.bytes.today(holderOf(caller))
    if (read < max) return
    this.#deps.onRefused('bytes')
    const { endsAt } = utcDayOf(Date.now())
    throw new GatewayError(
      'QUOTA_EXCEEDED',
      `The results of today have ${read} bytes, and the limit of ${ownerOf(caller)} is ${max} (quotas.maxBytesPerDay): it begins again at ${new Date(endsAt).toISOString()}.`,
      { retryAfterMs: endsAt - Date.now() },
    )
  }
}

/** The account of one statement of a limited caller. */
class LimitedAccount implements ResultObserver {
  readonly #tab: UsageTab
  readonly #bytes: ByteCount | undefined
  readonly #release: () => void

  constructor(tab: UsageTab, bytes: ByteCount | undefined, release: () => void) {
    this.#tab = tab
    this.#bytes = bytes
    this.#release = release
    if (bytes) bytes.statements++
  }

  onBatch(rows: number, bytes: number): void {
    this.#tab.onBatch(rows, bytes)
    if (this.#bytes) this.#bytes.pending += bytes
  }

  onEnd(error: unknown, _complete: boolean, _stats: ReadStats): void {
    this.#tab.onEnd(error)
    if (this.#bytes) {
      this.#bytes.statements--
      this.#bytes.usedAt = performance.now()
    }
    this.#release()
  }
}
