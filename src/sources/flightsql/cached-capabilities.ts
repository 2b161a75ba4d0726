import type { Capabilities } from '../../query/capabilities.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Context } from '../../query/types.ts'

/** How long the capabilities of an upstream are cached, in milliseconds. */
const CAPABILITIES_TTL_MS = 300_000

interface Cached {
  readonly until: number
  readonly capabilities: Promise<Capabilities>
  readonly firstCaller: Context
}

/** Caches the capabilities of an upstream. Concurrent callers share one request. */
export class CachedCapabilities {
  readonly #request: (ctx: Context) => Promise<Capabilities>
  #cached: Cached | undefined

  constructor(request: (ctx: Context) => Promise<Capabilities>) {
    this.#request = request
  }

  /** @throws what the request throws; a failure is not cached */
  async of(ctx: Context): Promise<Capabilities> {
    for (;;) {
      const { capabilities, firstCaller } = this.#current(ctx)
      try {
        return await capabilities
      } catch (error) {
        // The caller that started the request cancelled it or ran out of time: the others try again.
        const code = error instanceof GatewayError ? error.code : undefined
        const isFirstCallers = firstCaller !== ctx && (code === 'CANCELLED' || code === 'DEADLINE')
        if (!isFirstCallers || ctx.signal.aborted) throw error
      }
    }
  }

  #current(ctx: Context): Cached {
    if (this.#cached && this.#cached.until >= Date.now()) return this.#cached
    const capabilities = this.#request(ctx)
    const cached = { until: Date.now() + CAPABILITIES_TTL_MS, capabilities, firstCaller: ctx }
    this.#cached = cached
    capabilities.catch(() => {
      if (this.#cached === cached) this.#cached = undefined
    })
    return cached
  }
}
