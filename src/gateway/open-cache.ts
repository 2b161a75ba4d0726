import type { Scope } from '../async/scope.ts'
import { bypassReasons } from '../cache/bypass-reasons.ts'
import type { SourceRules } from '../cache/cache-rules.ts'
import type { ChangeLog } from '../cache/changes/change-log.ts'
import { Revisions } from '../cache/key/revisions.ts'
import { PlanCache } from '../cache/plans/plan-cache.ts'
import { ResultCache } from '../cache/result-cache.ts'
import { SharedLevel } from '../cache/shared-level/shared-level.ts'
import type { Config } from '../config/config.ts'
import type { Metrics } from '../ops/metrics.ts'
import { packageVersion } from '../ops/version.ts'
import type { Sealer } from '../query/seal/sealer.ts'
import type { Logger } from '../query/types.ts'
import type { SourceKinds } from '../sources/kind.ts'
import type { RedisConnection } from '../state/redis/redis-connection.ts'
import { declaredFunctionsOf } from './cache/declared-functions-of.ts'
import { factsOfSource } from './cache/facts-of-source.ts'
import type { LiveSources } from './reload/live-sources.ts'

/** Parts that the cache uses. */
export interface CacheParts {
  readonly config: Config
  readonly kinds: SourceKinds
  readonly sources: Pick<LiveSources, 'of'>
  readonly changes: ChangeLog
  readonly metrics: Metrics
  readonly redis: RedisConnection | undefined
  readonly sealer: Pick<Sealer, 'sharedKey'>
  readonly log: Logger
}

/** The result cache of a gateway. */
export interface OpenCache {
  readonly cache: ResultCache
  /** Follows changed settings. */
  update(): void
}

/** Limits of runs; see `RunLimits`. */
const runLimits = { maxWindowBytes: 32 << 20, maxBackground: 8, backgroundTimeoutMs: 300_000 }

/** Rows that wait to be written to Redis. */
const MAX_PENDING_BYTES = 64 << 20

/** Opens the result cache, also if it is off: it then refuses `only-if-cached`. The scope closes it. */
export function openCache(parts: CacheParts, scope: Scope): OpenCache {
  const { config, kinds, sources, changes, metrics, redis, sealer, log } = parts
  const { maxBytes, shared: level, spillBytes, spillDirectory, planTtlMs } = config.cache
  const declaredOf = declaredFunctionsOf(config)
  const rules = new Map(rulesOfSources(config, kinds))
  const revised = () => ({
    version: packageVersion(),
    sources: config.sources,
    principals: config.auth.apiKeys,
  })
  const revisions = new Revisions(revised())
  const plans = new PlanCache({
    ttlMs: maxBytes > 0 ? planTtlMs : 0,
    sourceOf: (name) => sources.of(name) ?? {},
    rulesOf: (name) => (rules.get(name)?.isEnabled ? rules.get(name) : undefined),
    revisions,
    changes,
    observer: metrics.cache,
  })
  const limits = { commandTimeoutMs: level.commandTimeoutMs, maxPendingBytes: MAX_PENDING_BYTES }
  const shared =
    redis && level.enabled && maxBytes > 0
      ? new SharedLevel({ redis, rowsKey: () => sealer.sharedKey('rows') }, limits, log, metrics.sharedCache)
      : undefined
  if (shared) metrics.sharedCache.begin({ isUp: () => shared.stats.isUp, pendingBytes: () => shared.pendingBytes })
  const cache = new ResultCache({
    maxBytes,
    limits: {
      ...runLimits,
      get maxEntryBytes() {
        return config.cache.maxEntryBytes
      },
      // Small results free their slot while their clients pause, as those of tickets do.
      get readAheadBytes() {
        return Math.min(config.cache.maxEntryBytes, config.limits.maxRepeatableResultBytes)
      },
      spill: { maxBytes: spillBytes, directory: spillDirectory },
    },
    sources: rules,
    revisions,
    changes,
    plans,
    factsOf: ({ query }, ctx) => factsOfSource(query, sources.of(query.source)!, ctx, declaredOf(query.source)),
    observer: metrics.cache,
    shared,
  })
  scope.defer(() => cache.close())
  metrics.cache.begin([...rules.keys()], bypassReasons, { entries: () => cache.entries, bytes: () => cache.bytes })
  return {
    cache,
    update() {
      rules.clear()
      for (const [name, each] of rulesOfSources(config, kinds)) rules.set(name, each)
      revisions.update(revised())
      if (config.cache.maxBytes > 0) cache.resize(config.cache.maxBytes)
    },
  }
}

/** How the results of each source are stored, by its name. */
function rulesOfSources({ sources, cache: general }: Config, kinds: SourceKinds): (readonly [string, SourceRules])[] {
  return Object.entries(sources).map(([name, settings]) => {
    const { cache } = settings
    const kind = kinds[settings.kind]!
    return [
      name,
      {
        isEnabled: cache?.enabled !== false,
        // Such a source has other data in each process.
        isReplicated: kind.sharing?.(name, settings) === undefined,
        isShared: cache?.scope === 'shared',
        metadataNames: kind.rowMetadata?.(settings) ?? [],
        hasOwnCommands: kind.hasOwnCommands?.(settings) ?? false,
        ttlMs: cache?.ttlMs ?? general.ttlMs,
        staleWhileRevalidateMs: cache?.staleWhileRevalidateMs ?? general.staleWhileRevalidateMs,
        staleIfErrorMs: cache?.staleIfErrorMs ?? general.staleIfErrorMs,
      },
    ]
  })
}
