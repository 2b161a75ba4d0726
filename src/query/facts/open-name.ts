/** A name that may have several parts, while it is read. */
export interface OpenName {
  readonly parts: string[]
  /** Whether its only part so far stands without quotes. */
  readonly isPlain: boolean
  /** Whether it stands where a table stands. */
  readonly isTable: boolean
  /** Whether it follows AS or a cast: an alias or a type. */
  readonly isNamed: boolean
  /** Whether it is the alias of a table. */
  readonly isAlias: boolean
}

/** Returns a quoted name without its quotes. */
export function unquoted(written: string): string {
  const mark = written[0]!
  return written.slice(1, -1).replaceAll(mark + mark, mark)
}
