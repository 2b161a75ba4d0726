import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { isBreakerOpen } from './circuit-breaker.ts'
import type { Endpoint } from './endpoint.ts'
import type { Lease } from './lease.ts'
import type { RetryBudget } from './retry-budget.ts'

/** When failed work may be tried on another connection: always, or only if the upstream has not begun it. */
export type Repeatable = 'always' | 'notProcessed'

/** The addresses of one source. Work goes to them in turn; an address that cannot be reached is skipped. */
export class Endpoints {
  readonly all: readonly Endpoint[]
  readonly #budget: RetryBudget
  readonly #onRetry: (upstream: Endpoint, failure: unknown) => void
  #turn = 0
  /** How much work is under way, and the callback that waits for it to end. */
  #lending = 0
  #onIdle: (() => void) | undefined

  /** @param onRetry told of each retry: its address, and the failure before it */
  constructor(all: readonly Endpoint[], budget: RetryBudget, onRetry: (upstream: Endpoint, failure: unknown) => void) {
    this.all = all
    this.#budget = budget
    this.#onRetry = onRetry
  }

  /**
   * Does work on a connection. If the upstream cannot be reached and a retry is safe, the work is tried again, each time at
   * the next address and at most twice at each.
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

  /** Waits for the work under way, then retires the pools: each connection ends when it is given back. */
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
