import { lacks } from '../query/access/allows.ts'
import { mayControlOthers } from '../query/control/active-statements.ts'
import { type Caller, holderOf } from '../query/types.ts'
import type { DailyBytes } from './daily-bytes.ts'
import type { QuotaPolicy } from './quota-policy.ts'
import type { RequestLimiter } from './request-limiter.ts'
import type { StatementQuotas } from './statement-quotas.ts'
import type { SourceUsage, UsageLedger } from './usage-ledger.ts'
import { utcDayOf } from './utc-day.ts'

/** A limit and what is left of it. */
export interface QuotaState {
  readonly limit: number
  readonly remaining: number
  /** Unix time in milliseconds when the full limit is there again; absent if the limit is not bound to time. */
  readonly resetAt?: number
}

/** What a principal has used today, and its limits. An absent limit does not apply. */
export interface UsageReport {
  readonly principal: string
  /** Start of the day in UTC, in Unix milliseconds. */
  readonly since: number
  /** The sources of which the principal has used anything, in the order of the configuration. */
  readonly sources: readonly SourceUsage[]
  readonly requestsPerMinute?: QuotaState
  /** Statements on all replicas. */
  readonly concurrentStatements?: QuotaState
  readonly bytesPerDay?: QuotaState
}

/** Dependencies of `Usage`. */
export interface UsageDependencies {
  readonly policy: QuotaPolicy
  readonly ledger: UsageLedger
  readonly bytes: DailyBytes
  readonly requests: RequestLimiter
  readonly statements: StatementQuotas
  /** Names of the sources now, in the order of the configuration. */
  sources(): readonly string[]
}

/** Reports what principals have used. */
export class Usage {
  readonly #deps: UsageDependencies

  constructor(deps: UsageDependencies) {
    this.#deps = deps
  }

  /**
   * Reports the caller's usage of today, or that of another principal.
   * @param name of a principal with an API key; if absent or empty, the caller's own
   * @throws GatewayError FORBIDDEN for another principal, unless the caller may operate all sources; UNKNOWN_PRINCIPAL;
   *   STATE_UNAVAILABLE
   */
  async of(caller: Caller, name?: string): Promise<UsageReport> {
    const { policy, ledger } = this.#deps
    const subject = this.#subjectOf(caller, name)
    const quotas = policy.of(subject.principal)
    const used = await ledger.usageOf(subject.principal.name, this.#deps.sources())
    const requests = await this.#deps.requests.stateOf(subject)
    const day = utcDayOf(Date.now())
    const left = (limit: number, taken: number) => ({ limit, remaining: Math.max(0, limit - taken) })
    return {
      principal: subject.principal.name,
      since: day.startsAt,
      sources: used.filter(({ statements, rows, bytes }) => statements + rows + bytes > 0),
      ...(requests && {
        requestsPerMinute: {
          limit: requests.limit,
          remaining: requests.remaining,
          resetAt: Date.now() + Math.ceil(requests.resetMs),
        },
      }),
      ...(quotas.maxConcurrentStatements && {
        concurrentStatements: left(quotas.maxConcurrentStatements, await this.#deps.statements.runningOf(subject)),
      }),
      ...(quotas.maxBytesPerDay && {
        bytesPerDay: {
          ...left(quotas.maxBytesPerDay, await this.#deps.bytes.today(holderOf(subject))),
          resetAt: day.endsAt,
        },
      }),
    }
  }

  #subjectOf(caller: Caller, name: string | undefined): Caller {
    if (name === undefined || name === '' || name === caller.principal.name) return caller
    if (!mayControlOthers(caller.principal))
      throw lacks(caller.principal, 'operate', {}, 'Without it you see your own usage.')
    return { principal: this.#deps.policy.named(name) }
  }
}
