/**
 * A value of SqlInfo: text, flag, 64-bit number, 32-bit number or bitmask, list of texts, or map of a number to numbers.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html (CommandGetSqlInfo).
 */
export type SqlInfoValue =
  | string
  | boolean
  | bigint
  | number
  | readonly string[]
  | ReadonlyMap<number, readonly number[]>

/** Capabilities of an engine and properties of its SQL. */
export interface Capabilities {
  readonly transactions: boolean
  readonly savepoints: boolean
  /** Whether the engine supports bulk ingestion, provided that the source allows writes. */
  readonly ingestion: boolean
  /** Properties of the engine's SQL (identifiers, keywords, functions ...) by SqlInfo code, 500 and above. */
  readonly sql: ReadonlyMap<number, SqlInfoValue>
}
