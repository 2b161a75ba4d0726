import type { FreshnessRules } from './freshness/judge.ts'

/** How the results of a source are stored. */
export interface SourceRules extends FreshnessRules {
  readonly isEnabled: boolean
  /** Whether all replicas read the same data: if not, each has results of its own. */
  readonly isReplicated: boolean
  /** Whether all principals share the results. */
  readonly isShared: boolean
  /** Names of request metadata on which rows may depend. */
  readonly metadataNames: readonly string[]
  /** Whether the source reads the raw bytes of a command otherwise than the same statement. */
  readonly hasOwnCommands: boolean
}

/** Whether results of the source are kept after their run; if not, only statements that run at the same time share them. */
export function keepsResults({ ttlMs, staleWhileRevalidateMs, staleIfErrorMs }: FreshnessRules): boolean {
  return Math.max(ttlMs, staleWhileRevalidateMs, staleIfErrorMs) > 0
}
