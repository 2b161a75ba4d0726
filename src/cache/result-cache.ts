import { demand } from '../query/access/allows.ts'
import type { CacheAdmin, CacheFilter, CacheStats } from '../query/cache/cache-admin.ts'
import type { ListedEntry, TopWish } from '../query/cache/cache-entry-lists.ts'
import { GatewayError } from '../query/errors.ts'
import type { Stage } from '../query/pipeline.ts'
import type { Principal } from '../query/types.ts'
import { CachedReads, type CachedReadsDependencies } from './cached-reads.ts'
import { CacheCounts, type CacheObserver } from './counts.ts'
import { schemaDigest } from './key/cache-key.ts'
import { listedEntry } from './memory/listed-entry.ts'
import { MemoryTier } from './memory/memory-tier.ts'
import type { PlanCache } from './plans/plan-cache.ts'
import type { SharedLevel } from './shared-level/shared-level.ts'
import { SharedReads } from './shared-reads.ts'
import { type RunLimits, StoredRuns } from './stored-runs.ts'

/** Dependencies of the cache. */
export interface ResultCacheDependencies
  extends Pick<CachedReadsDependencies, 'sources' | 'revisions' | 'changes' | 'factsOf'> {
  /** Memory at the start; 0 disables the cache. */
  readonly maxBytes: number
  readonly limits: RunLimits
  readonly plans: PlanCache
  readonly observer: CacheObserver
  /** The level that replicas share; absent without Redis. */
  readonly shared?: SharedLevel | undefined
}

/** The results of statements, for statements that ask for the same rows. */
export class ResultCache implements CacheAdmin {
  readonly #deps: ResultCacheDependencies
  readonly #memory: MemoryTier
  readonly #counts: CacheCounts
  readonly #runs: StoredRuns
  /** Answers statements from the cache, and stores the rows of the others. */
  readonly stage: Stage

  constructor(deps: ResultCacheDependencies) {
    this.#deps = deps
    const counts = new CacheCounts(deps.observer)
    const memory = new MemoryTier(deps.maxBytes, (reason) => counts.onEvicted(reason))
    const runs = new StoredRuns({ ...deps, shared: deps.shared, memory, counts })
    const shared = deps.shared && new SharedReads(deps.shared, deps.changes, runs)
    this.#counts = counts
    this.#memory = memory
    this.#runs = runs
    const isOn = deps.maxBytes > 0
    const reads = new CachedReads({ ...deps, isOn, memory, counts, runs, shared })
    // No read finds what another process has cleared; its memory and its place in the lists go at once.
    deps.changes.onClear?.((filter) => void memory.clear(filter))
    this.stage = {
      name: 'cache',
      async plan(query, ctx, next) {
        const plan = await next(query, ctx)
        const digest = isOn && plan.kind === 'read' ? schemaDigest(plan.schema) : undefined
        return digest === undefined ? plan : { ...plan, schemaDigest: digest }
      },
      run: (plan, ctx, next) => reads.run(plan, ctx, next),
    }
  }

  /** Keeps plans; the innermost stage. */
  get planStage(): Stage {
    return this.#deps.plans.stage
  }

  /** Memory of the entries and of recordings in progress. */
  get bytes(): number {
    return this.#memory.bytes
  }

  get entries(): number {
    return this.#memory.count
  }

  stats(viewer: Principal): CacheStats {
    demand(viewer, 'operate')
    const bySource = this.#memory.bySource()
    const { evictions, revalidations } = this.#counts
    return {
      entries: this.#memory.count,
      bytes: this.#memory.bytes,
      maxBytes: this.#memory.maxBytes,
      sources: [...this.#deps.sources.keys()].map((source) => ({
        source,
        entries: bySource.get(source)?.entries ?? 0,
        bytes: bySource.get(source)?.bytes ?? 0,
        ...this.#counts.of(source),
      })),
      evictions: { ...evictions },
      revalidations: { ...revalidations },
      plans: this.#deps.plans.stats,
      ...(this.#deps.shared && { shared: this.#deps.shared.stats }),
    }
  }

  /** What the cache did for the statements of a source since the process began. */
  countsOf(source: string): Readonly<ReturnType<CacheCounts['of']>> {
    return this.#counts.of(source)
  }

  /** The first entries of this process in an order. */
  async topHere({ order, limit, sources }: TopWish): Promise<readonly ListedEntry[]> {
    return (await this.#memory.top(order, limit, sources)).map(listedEntry)
  }

  async clear(filter: CacheFilter, by: Principal): Promise<number> {
    const { source } = filter
    demand(by, 'operate', { source })
    if (source !== undefined && !this.#deps.sources.has(source))
      throw new GatewayError(
        'UNKNOWN_SOURCE',
        `There is no source "${source.slice(0, 100)}"; known: ${[...this.#deps.sources.keys()].join(', ')}.`,
      )
    const count = await this.#memory.clear(filter)
    this.#deps.plans.clear()
    await this.#deps.changes.clear(filter)
    return count
  }

  /** Changes the memory of the cache, which is on and stays so. */
  resize(maxBytes: number): void {
    this.#memory.resize(maxBytes)
  }

  /** Ends background runs. */
  async close(): Promise<void> {
    await this.#runs.close()
    this.#deps.shared?.close()
  }
}
