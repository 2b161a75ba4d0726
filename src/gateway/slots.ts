import type { Config } from '../config/config.ts'
import { AdaptiveLimiter } from '../query/limits/adaptive-limiter.ts'
import { ConcurrencyLimiter } from '../query/limits/concurrency-limiter.ts'
import type { Concurrency, SourceKinds } from '../sources/kind.ts'

/** The concurrency limiter of each source, fixed or adaptive as its kind says. */
export class Slots {
  readonly #kinds: SourceKinds
  readonly #limiters = new Map<string, ConcurrencyLimiter>()
  /** Limiters of sources that were removed, for their transactions. */
  readonly #removed = new Map<string, ConcurrencyLimiter>()

  constructor(config: Config, kinds: SourceKinds) {
    this.#kinds = kinds
    this.update(config)
  }

  /** The limiter of a source by its name, also of one that was removed; undefined if there never was one. */
  of(source: string): ConcurrencyLimiter | undefined {
    return this.#limiters.get(source) ?? this.#removed.get(source)
  }

  /** The limiters with the names of their sources. */
  get all(): Iterable<readonly [source: string, ConcurrencyLimiter]> {
    return this.#limiters
  }

  /**
   * Follows changed settings. Statements keep the slots that they hold.
   * @param reopened names of the sources that get limiters of their own, since their servers have changed
   */
  update(config: Config, reopened: ReadonlySet<string> = new Set()): void {
    for (const [name, limiter] of this.#limiters) {
      const isRemoved = config.sources[name] === undefined
      if (isRemoved) this.#removed.set(name, limiter)
      if (isRemoved || reopened.has(name)) this.#limiters.delete(name)
    }
    for (const [name, source] of Object.entries(config.sources)) {
      const limiter = this.#limiters.get(name)
      const concurrency = this.#kinds[source.kind]!.concurrency(source)
      this.#limiters.set(name, withLimits(limiter, config, concurrency))
      this.#removed.delete(name)
    }
  }
}

/** The limiter with these limits, or a new one if its kind does not fit. */
function withLimits(
  limiter: ConcurrencyLimiter | undefined,
  config: Config,
  concurrency: Concurrency,
): ConcurrencyLimiter {
  const { maxStreams, minStreams } = concurrency
  const { maxQueued, queueWaitMs } = config.limits
  const queue = { maxQueued: maxQueued ?? 4 * maxStreams, queueWaitMs, maxHeld: maxHeldOf(config, concurrency) }
  if (minStreams === undefined) {
    const limits = { slots: maxStreams, ...queue }
    if (!limiter || limiter instanceof AdaptiveLimiter) return new ConcurrencyLimiter(limits)
    limiter.update(limits)
    return limiter
  }
  const limits = { minSlots: minStreams, maxSlots: maxStreams, ...queue }
  if (!(limiter instanceof AdaptiveLimiter)) return new AdaptiveLimiter(limits)
  limiter.adapt(limits)
  return limiter
}

/**
 * The number of a source's current slots that one principal may hold (`limits.maxSlotsPerPrincipal`). With several configured
 * principals a quarter stays for the others: at least one slot, unless there is only one.
 */
function maxHeldOf({ limits, auth }: Config, { maxConnections }: Concurrency): (slots: number) => number {
  const { maxSlotsPerPrincipal } = limits
  if (maxSlotsPerPrincipal !== undefined) return (slots) => Math.min(slots, maxSlotsPerPrincipal)
  const hasOthers = auth.oidc.length > 0 || auth.clientCertificates !== undefined
  if (!hasOthers && new Set(auth.apiKeys.map(({ name }) => name)).size < 2) return (slots) => slots
  return (slots) => {
    // A relayed result also holds a connection.
    const shared = Math.min(slots, maxConnections ?? slots)
    return Math.max(1, shared - Math.max(1, Math.floor(shared / 4)))
  }
}
