import { GatewayError } from '../../../query/errors.ts'
import type { Context, Health } from '../../../query/types.ts'
import type { Checkout } from './checkout.ts'

const MAX_DETAIL = 500

/** Checks whether the server of a source answers statements. */
export class HealthCheck {
  readonly #checkout: Checkout
  /** Whether the last check failed. */
  #isDown = false

  constructor(checkout: Checkout) {
    this.#checkout = checkout
  }

  async check(ctx: Context): Promise<Health> {
    const health = await this.#ask(ctx)
    this.#isDown = !health.ok
    return health
  }

  async #ask(ctx: Context): Promise<Health> {
    try {
      const scope = { session: {}, mayFail: this.#isDown }
      await this.#checkout.withLease(scope, ctx, 'always', (flight) => flight.query('SELECT 1'))
      return { ok: true, detail: 'The server answers.' }
    } catch (thrown) {
      const error = GatewayError.from(thrown)
      // A full pool does not prove a fault of the server.
      if (error.code === 'QUEUE_TIMEOUT') return { ok: true, detail: 'All connections are in use.' }
      const said = error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
      return { ok: false, detail: said.split('\n')[0]!.slice(0, MAX_DETAIL) }
    }
  }
}
