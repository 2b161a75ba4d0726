import type { Capabilities } from '../../query/capabilities.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Context } from '../../query/types.ts'

/** How long what an upstream says of itself is remembered. */
const FACTS_TTL_MS = 300_000

interface Asked {
  readonly until: number
  readonly facts: Promise<Capabilities>
  readonly asker: Context
}

/** What an upstream says of itself, asked for once by all who want to know it at the same time. */
export class CachedCapabilities {
  readonly #ask: (ctx: Context) => Promise<Capabilities>
  #asked: Asked | undefined

  constructor(ask: (ctx: Context) => Promise<Capabilities>) {
    this.#ask = ask
  }

  /** @throws as asking does; what it throws is not remembered */
  async of(ctx: Context): Promise<Capabilities> {
    for (;;) {
      const { facts, asker } = this.#current(ctx)
      try {
        return await facts
      } catch (error) {
        // Whoever asked first has left, or had no more time: that is not the others' answer.
        const code = error instanceof GatewayError ? error.code : undefined
        const isOthers = asker !== ctx && (code === 'CANCELLED' || code === 'DEADLINE')
        if (!isOthers || ctx.signal.aborted) throw error
      }
    }
  }

  #current(ctx: Context): Asked {
    if (this.#asked && this.#asked.until >= Date.now()) return this.#asked
    const facts = this.#ask(ctx)
    const asked = { until: Date.now() + FACTS_TTL_MS, facts, asker: ctx }
    this.#asked = asked
    facts.catch(() => {
      if (this.#asked === asked) this.#asked = undefined
    })
    return asked
  }
}
