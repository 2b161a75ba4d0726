import type { Config } from '../config/config.ts'
import { AdaptiveLimiter } from '../query/limits/adaptive-limiter.ts'
import { ConcurrencyLimiter } from '../query/limits/concurrency-limiter.ts'
import type { Concurrency, SourceKinds } from '../sources/kind.ts'

/** The concurrency limiter of each source by name, fixed or adaptive as its kind says. */
export function slotsOfSources(config: Config, kinds: SourceKinds): ReadonlyMap<string, ConcurrencyLimiter> {
  const { maxQueued, queueWaitMs } = config.limits
  return new Map(
    Object.entries(config.sources).map(([name, source]): [string, ConcurrencyLimiter] => {
      const concurrency = kinds[source.kind]!.concurrency(source)
      const { maxStreams, minStreams } = concurrency
      const queue = { maxQueued: maxQueued ?? 4 * maxStreams, queueWaitMs, maxHeld: maxHeldOf(config, concurrency) }
      return minStreams === undefined
        ? [name, new ConcurrencyLimiter({ slots: maxStreams, ...queue })]
        : [name, new AdaptiveLimiter({ minSlots: minStreams, maxSlots: maxStreams, ...queue })]
    }),
  )
}

/**
 * The number of a source's current slots that one principal may hold (`limits.maxSlotsPerPrincipal`). With several configured
 * principals a quarter stays for the others: at least one slot, unless there is only one.
 */
function maxHeldOf({ limits, auth }: Config, { maxConnections }: Concurrency): (slots: number) => number {
  const { maxSlotsPerPrincipal } = limits
  if (maxSlotsPerPrincipal !== undefined) return (slots) => Math.min(slots, maxSlotsPerPrincipal)
  if (new Set(auth.apiKeys.map(({ name }) => name)).size < 2) return (slots) => slots
  return (slots) => {
    // A relayed result also holds a connection.
    const shared = Math.min(slots, maxConnections ?? slots)
    return Math.max(1, shared - Math.max(1, Math.floor(shared / 4)))
  }
}
