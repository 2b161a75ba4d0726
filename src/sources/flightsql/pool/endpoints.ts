import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { isBreakerOpen } from './circuit-breaker.ts'
import type { Endpoint } from './endpoint.ts'
import type { Lease } from './lease.ts'
import type { RetryBudget } from './retry-budget.ts'

/** When a failed piece of work may be tried on another connection. */
export type Repeatable = 'always' | 'untouched'

/** The addresses of one source: work goes to them in turn, past those that cannot be reached. */
export class Endpoints {
  readonly all: readonly Endpoint[]
  readonly #budget: RetryBudget
  readonly #onRetry: (upstream: Endpoint, failure: unknown) => void
  #turn = 0
  /** Pieces of work that are not done with, and who waits for there to be none. */
  #lending = 0
  #onIdle: (() => void) | undefined

  /** @param onRetry told of each further attempt: where, and what went wrong in the one before */
  constructor(all: readonly Endpoint[], budget: RetryBudget, onRetry: (upstream: Endpoint, failure: unknown) => void) {
    this.all = all
    this.#budget = budget
    this.#onRetry = onRetry
  }

  /**
   * Carries work out on a connection. When the upstream cannot be reached, and it is safe, it is tried again: on a stale
   * connection's successor, then on the other addresses.
   * @param preferred name of the address to begin with
   * @throws what the last attempt threw
   */
  async lend<T>(
    signal: AbortSignal,
    repeatable: Repeatable,
    work: (lease: Lease, upstream: Endpoint) => Promise<T>,
    preferred?: string,
  ): Promise<T> {
    this.#lending++
    try {
      return await this.#lend(signal, repeatable, work, this.#order(preferred))
    } finally {
      this.#lending--
      if (this.#lending === 0) this.#onIdle?.()
    }
  }

  /** Lends no more, once those who have come are served; connections end as they are given back. */
  async retire(): Promise<void> {
    if (this.#lending > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    await Promise.all(this.all.map(({ pool }) => pool.retire()))
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all(this.all.map(({ pool }) => pool.close()))
  }

  async #lend<T>(
    signal: AbortSignal,
    repeatable: Repeatable,
    work: (lease: Lease, upstream: Endpoint) => Promise<T>,
    order: readonly Endpoint[],
  ): Promise<T> {
    let failure: unknown
    for (const upstream of [...order, ...order]) {
      if (failure !== undefined) {
        if (!mayRepeat(failure, repeatable) || signal.aborted || !this.#budget.take()) break
        this.#onRetry(upstream, failure)
      }
      try {
        const result = await upstream.lend(signal, (lease) => work(lease, upstream))
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
    // Those whose breaker is open come last, and before them those that are busy with others.
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
