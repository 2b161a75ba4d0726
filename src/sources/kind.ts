import type { z } from 'zod'
import type { Variable } from '../config/setting/variable.ts'
import type { Source } from '../query/source.ts'
import type { SourceMetrics } from '../query/source-metrics.ts'
import type { Context, Logger } from '../query/types.ts'

/** What the settings of every source have, whatever its kind. */
export interface SourceSettings {
  readonly kind: string
  /** Time in which a statement must have run and been read, in milliseconds. */
  readonly statementTimeoutMs?: number | undefined
}

/** How many statements of a source run or are read at the same time. */
export interface Concurrency {
  readonly maxStreams: number
  /** Present where the number follows what the server can take: so many stay when it says that it is overloaded. */
  readonly minStreams?: number
  /** Connections to the server, each of which carries one result at a time; absent where there are none. */
  readonly maxConnections?: number
}

/** Memory that a source needs at most, in bytes. */
export interface MemoryNeed {
  /** Within the bounds of the process. */
  readonly processBytes: number
  /** Present where an engine in the process manages memory of its own, with its limit where one is configured. */
  readonly engine?: { readonly limitBytes: number | undefined }
}

/** What a source gets when it opens. */
export interface SourceDependencies {
  readonly log: Logger
  readonly metrics: SourceMetrics
  /** Limits of planning: see `limits.planTimeoutMs` and `limits.queueWaitMs`. */
  readonly limits: { readonly planTimeoutMs: number; readonly queueWaitMs: number }
  /** Limit of an engine with memory of its own, in bytes. */
  readonly memoryLimitBytes: number | undefined
}

/** What one step of a diagnosis found. */
export interface Finding {
  /** Where, such as an address; a source may have several. */
  readonly where: string
  readonly step: string
  readonly ok: boolean
  /** What was seen; holds no secret. */
  readonly detail: string
  /** What to do about it, when something is wrong. */
  readonly advice?: string
}

/**
 * Everything that the configuration, the gateway and the commands need to know of one kind of source. Reading it loads no
 * engine: `open` and `diagnose` import theirs when they are called.
 */
export interface SourceKind<Settings extends SourceSettings = SourceSettings> {
  /** Settings of `sources.<name>`, strict, with the kind as a literal. */
  readonly schema: z.ZodObject & { readonly _zod: { readonly output: Settings } }
  /** Environment variables that change such sources. */
  readonly variables?: readonly Variable[]
  /** Returns what will fail when the source opens or runs statements: a line each, which begins with the setting. */
  problems?(name: string, settings: Settings): string[]
  /** Returns the same for all sources of the kind together. */
  sharedProblems?(sources: Readonly<Record<string, Settings>>): string[]
  /** Returns what works and is better changed, a line each. */
  warnings?(name: string, settings: Settings): string[]
  /** Returns the settings without credentials, to be shown; absent when the settings hold none. */
  redact?(settings: Settings): object
  concurrency(settings: Settings): Concurrency
  memory(settings: Settings): MemoryNeed
  /** Declares the metrics of such sources: `/metrics` and `docs/metrics.md` list them also when no such source is configured. */
  declareMetrics?(metrics: SourceMetrics): void
  /** @throws GatewayError or Error with a message for the operator; nothing is left open then */
  open(name: string, settings: Settings, deps: SourceDependencies): Promise<Source>
  /** Checks the source step by step, and stops at a step that fails; nothing is served meanwhile. */
  diagnose(name: string, settings: Settings, ctx: Context): AsyncIterable<Finding>
}

/** Kinds of sources by the name that `kind` has in the settings. */
export type SourceKinds = Readonly<Record<string, SourceKind>>
