import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js'
import { GatewayError } from '../query/errors.ts'
import { type Caller, holderOf } from '../query/types.ts'
import type { Store } from '../state/store.ts'
import { ownerOf, type QuotaPolicy, type RefusalReason } from './quota-policy.ts'
import { type RateState, rateHeaders } from './rate-state.ts'
import { WindowLimiter } from './window-limiter.ts'

/** Dependencies of `RequestLimiter`. */
export interface RequestLimiterDependencies {
  readonly policy: QuotaPolicy
  readonly store: Store
  onRefused(reason: RefusalReason): void
  /** The shared state is down, so that a request passes uncounted. */
  onStateDown(error: unknown): void
}

const WINDOW_MS = 60_000

/**
 * Limits the requests of a caller per minute: those of its principal or, without credentials, of its connection. Requests pass
 * while the shared state is down.
 */
export class RequestLimiter {
  readonly #deps: RequestLimiterDependencies
  /** Limiters by their limit. */
  readonly #limiters = new Map<number, WindowLimiter>()

  constructor(deps: RequestLimiterDependencies) {
    this.#deps = deps
  }

  /** Whether any caller is limited now; if not, fronts need not ask. */
  get isActive(): boolean {
    return this.#deps.policy.limitsAny('requestsPerMinute')
  }

  /**
   * Takes requests from the caller's allowance. Requests that are refused count too, unless several are refused at once.
   * @param requests a batch takes one for each of its statements
   * @returns what is left; undefined if the caller has no limit
   * @throws GatewayError RATE_LIMITED, with `retryAfterMs`, and with the headers of `rateHeaders` as its metadata
   */
  async take(caller: Caller, requests = 1): Promise<RateState | undefined> {
    const limiter = this.#limiterOf(caller)
    if (!limiter) return undefined
    const key = holderOf(caller)
    try {
      return stateOf(limiter, await limiter.consume(key, requests))
    } catch (thrown) {
      if (!(thrown instanceof RateLimiterRes)) {
        this.#deps.onStateDown(thrown)
        return undefined
      }
      this.#deps.onRefused('requests')
      // Otherwise one large batch would use up what smaller requests may still take.
      const state =
        requests > 1
          ? stateOf(limiter, await limiter.reward(key, requests).catch(() => thrown))
          : stateOf(limiter, thrown)
      throw refused(caller, requests, state)
    }
  }

  /** What is left of the caller's allowance; undefined if it has no limit, or the shared state is down. */
  async stateOf(caller: Caller): Promise<RateState | undefined> {
    const limiter = this.#limiterOf(caller)
    const left = await limiter?.get(holderOf(caller)).catch(() => null)
    return left ? stateOf(limiter!, left) : undefined
  }

  #limiterOf({ principal }: Caller): WindowLimiter | undefined {
    const limit = this.#deps.policy.of(principal).requestsPerMinute ?? 0
    if (limit === 0) return undefined
    let limiter = this.#limiters.get(limit)
    if (!limiter) {
      limiter = new WindowLimiter(this.#deps.store, limit, WINDOW_MS)
      this.#limiters.set(limit, limiter)
    }
    return limiter
  }
}

function stateOf(
  { points: limit }: WindowLimiter,
  { remainingPoints: remaining, msBeforeNext: resetMs }: RateLimiterRes,
): RateState {
  return { limit, remaining, resetMs }
}

function refused(caller: Caller, requests: number, state: RateState): GatewayError {
  const { limit, remaining, resetMs } = state
  const seconds = Math.ceil(resetMs / 1000)
  const metadata = rateHeaders(state)
  if (requests > limit)
    return new GatewayError(
      'RATE_LIMITED',
      `These are ${requests} requests at once, but the limit of ${ownerOf(caller)} is ${limit} per minute (quotas.requestsPerMinute): send fewer at once.`,
      { metadata, retryAfterMs: resetMs },
    )
  const why = requests > 1 ? `These are ${requests} requests and ${remaining} are left of` : 'There were more than'
  return new GatewayError(
    'RATE_LIMITED',
    `${why} the ${limit} requests per minute of ${ownerOf(caller)} (quotas.requestsPerMinute): try again in ${seconds} s.`,
    { metadata, retryAfterMs: resetMs },
  )
}
