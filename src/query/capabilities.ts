/**
 * A value of SqlInfo: text, a flag, a 64-bit number, a 32-bit number or bitmask, texts, or numbers by number.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html (CommandGetSqlInfo).
 */
export type SqlInfoValue =
  | string
  | boolean
  | bigint
  | number
  | readonly string[]
  | ReadonlyMap<number, readonly number[]>

/** What an engine can do and what its SQL is like. */
export interface Capabilities {
  readonly transactions: boolean
  readonly savepoints: boolean
  /** Whether rows can be put into tables by bulk ingestion, as far as writing is allowed at all. */
  readonly ingestion: boolean
  /** What the engine says of its SQL (identifiers, keywords, functions ...), by the code of SqlInfo; 500 and above. */
  readonly sql: ReadonlyMap<number, SqlInfoValue>
}
