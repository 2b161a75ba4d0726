/** Why the rows of a statement cannot be stored. It becomes `detail` of the header `cache-status`. */
export type CacheObstacle =
  /** A function that returns another value at each call, such as `random()` or `now()`. */
  | 'volatile-function'
  /** A function that the gateway does not know. */
  | 'unknown-function'
  /** The rows depend on the session or the caller, as with `current_user`. */
  | 'session-state'
  | 'temporary-table'
  | 'sample'
  /** Tables about the engine itself, such as `information_schema`: each user sees other rows, and no statement changes them. */
  | 'system-table'
  /** Files or services outside the engine, such as `read_csv`. */
  | 'external-data'
  /** Anything but a query, such as SHOW, EXPLAIN or SET. */
  | 'not-a-query'
  /** The gateway cannot read the statement, or it is very long. */
  | 'unreadable'

/** What the cache needs to know of a statement's text. */
export interface StatementFacts {
  /** Absent if two runs of the statement over the same data return the same rows. */
  readonly obstacle?: CacheObstacle
  /** The statement without comments and needless spaces. Two statements with the same one mean the same. */
  readonly canonical: string
  /** Names of the tables and views that it reads, in the form of `tableName`; undefined if they are not known. */
  readonly reads: readonly string[] | undefined
}
