import type { ReadScope, Snapshot } from '../changes/change-log.ts'
import type { RecordedResult } from '../recorded-result.ts'

/** Rows in the cache. */
export interface CacheEntry {
  readonly key: string
  /** As `CacheKey.identity`. */
  readonly identity: string
  readonly scope: ReadScope
  readonly recorded: RecordedResult
  /** When the statement began to run, as `now` of `freshness/clock.ts` tells it, in milliseconds. */
  readonly startedAt: number
  /** State of the scope before it ran. */
  readonly snapshot: Snapshot
  /** How long the rows are fresh from `startedAt`, in milliseconds. */
  readonly ttlMs: number
  /** Id of the execution whose rows these are, if a client may ask for the same rows again. */
  readonly execution: string | undefined
  /** The beginning of the statement's text, for operators. */
  readonly text: string
  /** Statements that it has answered. */
  hits: number
}

/** What of a statement's text an entry keeps, in characters. */
export const MAX_TEXT_CHARACTERS = 500

/** Why an entry left the cache. */
export type EvictionReason = 'size' | 'expired' | 'changed' | 'cleared'

/** Objects of an entry besides its bytes. */
const ENTRY_BYTES = 1024
/** Objects of a frame: itself, its list and its buffer. */
const FRAME_BYTES = 320

/** Memory that an entry takes, objects included, in bytes. */
export function bytesOf({ key, identity, scope, recorded, text }: CacheEntry): number {
  const { tables = [], tags } = scope
  const names =
    tables.reduce((sum, { length }) => sum + length + 32, 0) + tags.reduce((sum, t) => sum + t.length + 32, 0)
  return (
    recorded.byteLength +
    ENTRY_BYTES +
    (recorded.frames.length + 1) * FRAME_BYTES +
    key.length +
    identity.length +
    2 * text.length +
    names
  )
}
