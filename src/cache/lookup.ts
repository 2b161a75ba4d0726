import type { CacheControl } from '../query/cache/cache-control.ts'
import type { Context, PlannedRead, PlannedStatement, Result } from '../query/types.ts'
import type { SourceRules } from './cache-rules.ts'
import type { ReadScope } from './changes/change-log.ts'

/** Runs a statement without the cache. */
export type Next = (plan: PlannedStatement, ctx: Context) => Promise<Result>

/** A statement that the cache may answer. */
export interface Lookup {
  readonly plan: PlannedRead
  readonly key: string
  readonly identity: string
  readonly scope: ReadScope
  readonly rules: SourceRules
  readonly control: CacheControl
  /** Whether the client wants the statement to run whatever the cache has. */
  readonly isForced: boolean
}
