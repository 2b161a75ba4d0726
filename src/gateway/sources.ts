import type { Logger } from 'pino'
import type { Scope } from '../async/scope.ts'
import type { Config } from '../config/config.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Source } from '../query/source.ts'
import { SettingError, type SourceKinds } from '../sources/kind.ts'
import { divideMemory } from './duckdb-memory.ts'
import { startError } from './start-error.ts'

/** Inputs to open the sources. */
export interface SourceOpening {
  readonly config: Config
  readonly kinds: SourceKinds
  readonly metrics: Metrics
  readonly log: Logger
  /** Bound of the stores for clients that `limits` does not include, in bytes. */
  readonly storesBytes: number
  /** Number of this process among several workers. */
  readonly worker: number | undefined
}

/**
 * Opens the configured sources by their kinds. The scope closes them in parallel.
 * @throws StartError about the first source that cannot be opened
 */
export async function openSources(
  { config, kinds, metrics, log, storesBytes, worker }: SourceOpening,
  scope: Scope,
): Promise<readonly Source[]> {
  const memoryLimits = divideMemory(config, storesBytes, kinds, log)
  // `/metrics` lists the metrics of every kind, configured or not.
  for (const kind of Object.values(kinds)) kind.declareMetrics?.(metrics.ofSources.of(''))
  const sources: Source[] = []
  scope.defer(() => Promise.all(sources.map((source) => source.close())))
  for (const [name, settings] of Object.entries(config.sources)) {
    const deps = {
      log: log.child({ source: name }),
      metrics: metrics.ofSources.of(name),
      limits: config.limits,
      memoryLimitBytes: memoryLimits.get(name),
      worker,
    }
    try {
      sources.push(await kinds[settings.kind]!.open(name, settings, deps))
    } catch (error) {
      if (error instanceof SettingError) throw startError(`sources.${name}.${error.setting}`, error.cause)
      throw startError(`sources.${name}`, error)
    }
  }
  return sources
}
