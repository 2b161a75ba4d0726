import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Source } from '../query/source.ts'
import { SettingError, type SourceKinds, type SourceSettings } from '../sources/kind.ts'
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

/** A source with the settings that it was opened with. */
export interface OpenSource {
  readonly source: Source
  readonly settings: SourceSettings
  readonly metrics: {
    /** Removes what the source tells at each scrape. Its counters stay. */
    end(): void
  }
}

/**
 * Opens a source by its kind.
 * @param memoryLimitBytes limit of an embedded engine's own memory
 * @throws StartError
 */
export async function openSource(
  { config, kinds, metrics, log, worker }: SourceOpening,
  name: string,
  settings: SourceSettings,
  memoryLimitBytes: number | undefined,
): Promise<OpenSource> {
  const own = metrics.ofSources.of(name)
  const deps = {
    log: log.child({ source: name }),
    metrics: own,
    limits: config.limits,
    memoryLimitBytes,
    worker,
  }
  try {
    return { source: await kinds[settings.kind]!.open(name, settings, deps), settings, metrics: own }
  } catch (error) {
    own.end()
    if (error instanceof SettingError) throw startError(`sources.${name}.${error.setting}`, error.cause)
    throw startError(`sources.${name}`, error)
  }
}
