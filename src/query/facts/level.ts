import type { SqlDialect } from './dialect.ts'

/** What opened a pair of parentheses. */
export type Opening =
  /** Nothing: the statement itself. */
  | 'statement'
  /** A place where a table stands: a subquery, or tables that are joined. */
  | 'table'
  /** The query of a WITH. */
  | 'cte'
  /** A function in whose arguments FROM names no table, such as `extract(year FROM x)`. */
  | 'from-argument'
  /** Arguments of a function that stands for a table, or names of a table's columns. */
  | 'table-tail'
  | 'other'

/** The state of one level of parentheses. */
export class Level {
  readonly opening: Opening
  /** Whether a list of tables is open, in which a comma is followed by a table. */
  inTables: boolean
  /** Names that WITH has defined on this level. */
  readonly #ctes = new Set<string>()
  readonly #lowerCtes = new Set<string>()
  /** Where a WITH of this level is: before a name, or after one and before its query. */
  with: 'name' | 'named' | 'body' | undefined
  /** The name that WITH is defining. */
  cteName = ''
  /** Whether the level has had no token yet. */
  isEmpty = true

  constructor(opening: Opening) {
    this.opening = opening
    this.inTables = opening === 'table'
  }

  /** Whether the word follows a name of WITH and belongs to its definition. */
  isBodyWord(word: string): boolean {
    return this.with === 'named' && (word === 'NOT' || word === 'MATERIALIZED')
  }

  /** The query of the name has ended: the name counts from here on. */
  endCte(): void {
    this.#ctes.add(this.cteName)
    this.#lowerCtes.add(lowerAscii(this.cteName))
    this.with = 'body'
  }

  /** Whether WITH has defined a name. Where case may matter, a name in another case may be a table. */
  hasCte(name: string, dialect: SqlDialect): boolean {
    return dialect === 'standard' ? this.#ctes.has(name) : this.#lowerCtes.has(lowerAscii(name))
  }
}

/** Engines fold ASCII alone: a name with the Kelvin sign is not the same with a k. */
function lowerAscii(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
