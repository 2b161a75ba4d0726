/** How far an estimate can be trusted; `unknown` if the source cannot tell anything. */
export type EstimateAccuracy = 'unknown' | 'estimated' | 'upper_bound' | 'exact'

/** What a statement would read and cost. A figure that the source cannot tell is absent, never 0. */
export interface Estimate {
  readonly accuracy: EstimateAccuracy
  /** Bytes that the statement reads from its tables. */
  readonly bytes?: number
  /** Rows of the result. */
  readonly rows?: number
  /** Price in US dollars. */
  readonly costUsd?: number
  /** Tables that the statement reads, as `catalog.schema.table`, if the source tells. */
  readonly referencedTables?: readonly string[]
  /** What would make the statement cheaper, one sentence each. */
  readonly suggestions?: readonly string[]
}
