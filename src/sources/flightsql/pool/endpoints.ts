import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { isBreakerOpen } from './circuit-breaker.ts'
import type { Endpoint } from './endpoint.ts'
import type { Lease } from './lease.ts'
import type { RetryBudget } from './retry-budget.ts'

/** When failed work may be retried on another connection: always, or only if the upstream has not processed it. */
export type Repeatable = 'always' | 'notProcessed'

/** Receives a retry: its address, the failure that caused it, and whether that failure is no news to operators. */
export type OnRetry = (endpoint: Endpoint, failure: unknown, isExpected: boolean) => void

/** The addresses of one source, used round-robin. An address that cannot be reached is skipped. */
export class Endpoints {
  readonly all: readonly Endpoint[]
  readonly #budget: RetryBudget
  readonly #onRetry: OnRetry
  #turn = 0
  /** Number of pieces of work in progress, and the callback of `retire`, which waits for them. */
  #activeWork = 0
  #onIdle: (() => void) | undefined

  /** @param onRetry called before each retry */
  constructor(all: readonly Endpoint[], budget: RetryBudget, onRetry: OnRetry) {
    this.all = all
    this.#budget = budget
    this.#onRetry = onRetry
  }

  /**
   * Does work on a leased connection. If the upstream cannot be reached and a retry is safe, the work is retried at the next
   * address, at most twice at each.
   * @param preferred name of the address to try first
   * @param mayFail whether failures are expected
   * @throws what the last attempt threw
   */
  async withLease<T>(
    signal: AbortSignal,
    repeatable: Repeatable,
    work: (lease: Lease, endpoint: Endpoint) => Promise<T>,
    preferred?: string,
    mayFail = false,
  ): Promise<T> {
    this.#activeWork++
    try {
      return await this.#try(signal, repeatable, work, this.#order(preferred), mayFail)
    } finally {
      this.#activeWork--
      if (this.#activeWork === 0) this.#onIdle?.()
    }
  }

  /** Waits for the work in progress, then retires the pools: each connection closes when its lease ends. */
  async retire(): Promise<void> {
    if (this.#activeWork > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    await Promise.all(this.all.map(({ pool }) => pool.retire()))
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all(this.all.map(({ pool }) => pool.close()))
  }

  async #try<T>(
    signal: AbortSignal,
    repeatable: Repeatable,
    work: (lease: Lease, endpoint: Endpoint) => Promise<T>,
    order: readonly Endpoint[],
    mayFail: boolean,
  ): Promise<T> {
    let failure: unknown
    for (const endpoint of [...order, ...order]) {
      if (failure !== undefined) {
        if (!mayRepeat(failure, repeatable) || signal.aborted || !this.#budget.take()) break
        this.#onRetry(endpoint, failure, mayFail)
      }
      try {
        const result = await endpoint.withLease(signal, (lease) => work(lease, endpoint))
        this.#budget.onSuccess()
        return result
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  #order(preferred: string | undefined): Endpoint[] {
    const first = preferred === undefined ? -1 : this.all.findIndex(({ name }) => name === preferred)
    const from = first >= 0 ? first : this.#turn++ % this.all.length
    const order = [...this.all.slice(from), ...this.all.slice(0, from)]
    if (order.length === 1) return order
    // Free addresses first, then busy ones, then those whose breaker is open.
    const rank = ({ state, pool }: Endpoint) => (state === 'open' ? 2 : pool.hasRoom ? 0 : 1)
    return order.sort((a, b) => rank(a) - rank(b))
  }
}

function mayRepeat(failure: unknown, repeatable: Repeatable): boolean {
  if (isBreakerOpen(failure)) return true
  if (!(failure instanceof GrpcFailure) || failure.origin !== 'local') return false
  if (failure.notProcessed && failure.status !== 'RESOURCE_EXHAUSTED') return true
  return repeatable === 'always' && failure.status === 'UNAVAILABLE'
}
