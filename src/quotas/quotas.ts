import type { Logger, Principal, Quotas as QuotaSettings } from '../query/types.ts'
import type { Store } from '../state/store.ts'
import { DailyBytes } from './daily-bytes.ts'
import { QuotaPolicy, type RefusalReason } from './quota-policy.ts'
import { RequestLimiter } from './request-limiter.ts'
import { SharedPlaces } from './shared-places.ts'
import { StatementQuotas } from './statement-quotas.ts'
import { Usage } from './usage.ts'
import { UsageLedger } from './usage-ledger.ts'

/** Dependencies of the quotas. */
export interface QuotaDependencies {
  /** Quotas of principals that have none of their own. */
  readonly general: QuotaSettings
  /** The principals with API keys. */
  readonly principals: readonly Principal[]
  /** Quotas that members of groups have. */
  readonly ofGroups?: readonly QuotaSettings[]
  /** Names of the sources now, in the order of the configuration. */
  sources(): readonly string[]
  readonly store: Store
  readonly log: Logger
  onRefused(reason: RefusalReason): void
}

/** Time between two log lines about a store that is down, in milliseconds. */
const LOG_INTERVAL_MS = 60_000

/** What callers may use, and what they have used. */
export class Quotas {
  readonly requests: RequestLimiter
  readonly statements: StatementQuotas
  readonly usage: Usage
  readonly #policy: QuotaPolicy
  readonly #ledger: UsageLedger
  readonly #bytes: DailyBytes
  readonly #places: SharedPlaces
  readonly #log: Logger
  #loggedAt = Number.NEGATIVE_INFINITY

  constructor({ general, principals, ofGroups, sources, store, log, onRefused }: QuotaDependencies) {
    this.#log = log
    const policy = new QuotaPolicy(general, principals, ofGroups)
    this.#policy = policy
    const onStateDown = (error: unknown) => this.#onStateDown(error)
    this.#ledger = new UsageLedger(store, onStateDown)
    this.#bytes = new DailyBytes(store, onStateDown)
    this.#places = new SharedPlaces(store, onStateDown)
    const [ledger, bytes] = [this.#ledger, this.#bytes]
    this.requests = new RequestLimiter({ policy, store, onRefused, onStateDown })
    this.statements = new StatementQuotas({ policy, ledger, bytes, places: this.#places, onRefused })
    this.usage = new Usage({ policy, ledger, bytes, sources, requests: this.requests, statements: this.statements })
  }

  /** Replaces the quotas. What principals have used stays. */
  update(general: QuotaSettings, principals: readonly Principal[], ofGroups: readonly QuotaSettings[] = []): void {
    this.#policy.update(general, principals, ofGroups)
  }

  /** Writes the counts that wait, and gives the places of running statements back. */
  async close(): Promise<void> {
    await Promise.all([this.#ledger.close(), this.#bytes.close(), this.#places.close()])
  }

  #onStateDown(error: unknown): void {
    const now = performance.now()
    if (now - this.#loggedAt < LOG_INTERVAL_MS) return
    this.#loggedAt = now
    this.#log.warn({ event: 'quotas', err: error }, 'the state store does not answer: requests pass, and counts wait')
  }
}
