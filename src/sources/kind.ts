import type { z } from 'zod'
import type { BudgetSettings } from '../config/setting/budget.ts'
import type { PricingSettings } from '../config/setting/pricing.ts'
import type { SourceCacheSettings } from '../config/setting/source-cache.ts'
import type { Variable } from '../config/setting/variable.ts'
import type { Source } from '../query/source.ts'
import type { SourceMetrics } from '../query/source-metrics.ts'
import type { Context, Logger } from '../query/types.ts'

/** Settings that every kind of source has. */
export interface SourceSettings {
  readonly kind: string
  /** Time limit for a statement to run and be read, in milliseconds. */
  readonly statementTimeoutMs?: number | undefined
  /** How the results are stored; absent if as `cache` says. */
  readonly cache?: SourceCacheSettings | undefined
}

/** Number of statements of a source that run or are read at the same time. */
export interface Concurrency {
  readonly maxStreams: number
  /** Present if the limit adapts to the load of the server: its lower bound. */
  readonly minStreams?: number
  /** Connections to the server, each of which carries one result at a time; absent for an embedded engine. */
  readonly maxConnections?: number
}

/** How a source bills, by its settings. */
export interface SourceBilling {
  /** Prices instead of the built-in list, and the model that applies. */
  readonly pricing: PricingSettings
  /** Limits of the source itself, in addition to those of principals, groups and the gateway. */
  readonly limits: BudgetSettings
}

/** Upper bound of the memory that a source needs, in bytes. */
export interface MemoryNeed {
  /** Memory of the process itself, by the bounds of its settings. */
  readonly processBytes: number
  /** Present if an embedded engine manages its own memory; `limitBytes` is the configured limit. */
  readonly engine?: { readonly limitBytes: number | undefined }
}

/** Dependencies that the gateway passes to a source when it opens. */
export interface SourceDependencies {
  readonly log: Logger
  readonly metrics: SourceMetrics
  /** Limits of planning: see `limits.planTimeoutMs` and `limits.queueWaitMs`. */
  readonly limits: { readonly planTimeoutMs: number; readonly queueWaitMs: number }
  /** Limit of an embedded engine's own memory, in bytes. */
  readonly memoryLimitBytes: number | undefined
  /** Number of this process among the workers that serve the same ports; undefined if it is the only one. */
  readonly worker?: number | undefined
}

/** A setting with which a source cannot open, such as a statement of `init` that fails. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
  /** The setting within the source, such as `init[2]`. */
  readonly setting: string

  constructor(setting: string, cause: Error) {
    super(`${setting}: ${cause.message}`, { cause })
    this.setting = setting
  }
}

/** Outcome of one step of a diagnosis. */
export interface Finding {
  /** The place that was checked, such as an address; a source may have several. */
  readonly where: string
  readonly step: string
  readonly ok: boolean
  /** What the step found; contains no secret. */
  readonly detail: string
  /** What the operator should do, if the step failed. */
  readonly advice?: string
}

/**
 * Everything that the configuration, the gateway and the commands need to know of one kind of source. An import of this loads
 * no engine: `open` and `diagnose` import it when they are called.
 */
export interface SourceKind<Settings extends SourceSettings = SourceSettings> {
  /** Settings of `sources.<name>`, strict, with the kind as a literal. */
  readonly schema: z.ZodObject & { readonly _zod: { readonly output: Settings } }
  /** Environment variables that change sources of this kind. */
  readonly variables?: readonly Variable[]
  /** Returns problems that will fail the open or the statements, one line each, which begins with the setting. */
  problems?(name: string, settings: Settings): string[]
  /** Returns problems between several sources of this kind. */
  sharedProblems?(sources: Readonly<Record<string, Settings>>): string[]
  /**
   * Why several processes cannot have this source at the same time, and what to do, as one line that begins with the setting;
   * undefined if they can.
   */
  sharing?(name: string, settings: Settings): string | undefined
  /** Settings that the gateway applies without opening the source again, besides those of every kind. */
  readonly inPlace?: readonly string[]
  /**
   * Whether a running source can be replaced by one with these other settings, so that both are open for a while; absent if always.
   */
  isReplaceable?(running: Settings, next: Settings): boolean
  /** Returns warnings about settings that work but should be changed, one line each. */
  warnings?(name: string, settings: Settings): string[]
  /** Returns the settings without credentials, for display; absent if the settings hold none. */
  redact?(settings: Settings): object
  concurrency(settings: Settings): Concurrency
  /** How the engine bills statements; absent for kinds that bill nothing. */
  billing?(settings: Settings): SourceBilling
  memory(settings: Settings): MemoryNeed
  /** Names of the request metadata on which rows may depend, because the source passes it on; absent if none. */
  rowMetadata?(settings: Settings): readonly string[]
  /** Whether the source reads the raw bytes of a command otherwise than the same statement; absent if never. */
  hasOwnCommands?(settings: Settings): boolean
  /** Declares the metrics of this kind, so that `/metrics` and `docs/metrics.md` list them even without such a source. */
  declareMetrics?(metrics: SourceMetrics): void
  /** Opens a source. @throws GatewayError SettingError, or Error with a message for the operator; then it leaves nothing open */
  open(name: string, settings: Settings, deps: SourceDependencies): Promise<Source>
  /** Checks a source step by step and stops at the first failure. The gateway does not serve meanwhile. */
  diagnose(name: string, settings: Settings, ctx: Context): AsyncIterable<Finding>
}

/** Kinds of sources by the value of the setting `kind`. */
export type SourceKinds = Readonly<Record<string, SourceKind>>
