import type { TokenVisitor } from './token-pass.ts'
import { WordTable } from './word-table.ts'

const list = (words: string): ReadonlySet<string> => new Set(words.split(' '))

/** A list of tables follows these words. */
const listBegins = list('FROM USING JOIN UPDATE')
/** These words end a list of tables. */
const listEnds = list(
  'SELECT WHERE GROUP HAVING ORDER LIMIT OFFSET FETCH UNION EXCEPT INTERSECT SET WINDOW QUALIFY RETURNING VALUES WHEN PIVOT UNPIVOT',
)
/** A table name, or a name with the same syntax, follows these words. */
const beforeTable = list(
  'JOIN INTO UPDATE MERGE TABLE VIEW SEQUENCE TYPE MACRO FUNCTION INDEX DESCRIBE DESC SHOW SUMMARIZE ANALYZE TRUNCATE COPY REFERENCES ONLY LATERAL PIVOT UNPIVOT',
)
const beforeSchema = list('SCHEMA DATABASE')
/** Parentheses that begin with these words contain a query. In other parentheses, FROM belongs to a function such as EXTRACT. */
const queryBegins = list(
  'SELECT WITH FROM TABLE VALUES INSERT UPDATE DELETE MERGE DESCRIBE SHOW SUMMARIZE PIVOT UNPIVOT',
)
const all = [listBegins, listEnds, beforeTable, beforeSchema, queryBegins, list('EXISTS ON DISTINCT')]
const words = new WordTable(all.flatMap((each) => [...each]))

const [quote, openParenthesis, closeParenthesis, comma, minus, dot, slash] = [0x27, 0x28, 0x29, 0x2c, 0x2d, 0x2e, 0x2f]
const [semicolon, hash, openBracket, backtick, zero, nine] = [0x3b, 0x23, 0x5b, 0x60, 0x30, 0x39]
/** Number of parts that are stored per name; a name may have more. */
const MAX_PARTS = 16
/** A longer name in backticks is read as one part. */
const MAX_PATH_CHARACTERS = 4096
/** Deeper parentheses are read as if they contained no query. */
const MAX_DEPTH = 1000
const [isQuery, isDecided, inTables] = [1, 2, 4]

/** Position of a name: where a statement expects a table, or a schema, or elsewhere. */
export type Place = 'table' | 'schema' | 'other'

/** A name with at least two parts, such as `a."b".c` and `my-project.b.c`. */
export interface QualifiedName {
  readonly place: Place
  /** Offset of the name in the text. */
  readonly start: number
  /** Offset of its second part. */
  readonly restStart: number
  readonly partCount: number
  /** Returns a part without its quotes. @param index from 0 to 15 */
  part(index: number): string
}

/**
 * Finds the qualified names in a statement, and which of them are in a table position: after words such as FROM, JOIN and INTO,
 * and in the list that follows FROM.
 */
export class QualifiedNames implements TokenVisitor, QualifiedName {
  /** Offset from which servers may disagree about quoting: a later name may be part of a literal. */
  doubtfulFrom = Number.POSITIVE_INFINITY
  place: Place = 'other'
  partCount = 0
  readonly #text: string
  readonly #take: (name: QualifiedName) => void
  readonly #backticks: boolean
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #expected: Place = 'other'
  #isAfterDot = false
  /** Where the first part goes on, after a dash or the digits that follow it; -1 elsewhere. */
  #dashedAt = -1
  #depth = 0
  /** Flags by depth of parentheses. */
  readonly #flags: number[] = [isQuery | isDecided]
  #isDistinct = false
  #namesIndex = false
  #object: Place = 'table'

  /**
   * @param take called with each complete name; the object is reused
   * @param options `backticks` says that a backtick always begins a quoted name, which may hold several parts: `a.b.c` in one
   *   pair of backticks, as in BigQuery
   */
  constructor(text: string, take: (name: QualifiedName) => void, { backticks = false } = {}) {
    this.#text = text
    this.#take = take
    this.#backticks = backticks
  }

  get start(): number {
    return this.#starts[0]!
  }

  get restStart(): number {
    return this.#starts[1]!
  }

  part(index: number): string {
    const written = this.#text.slice(this.#starts[index]!, this.#ends[index]!)
    const mark = written[0]!
    return mark === '"' || mark === '`' ? written.slice(1, -1).replaceAll(mark + mark, mark) : written
  }

  /** Call at the end of the text. */
  end(): void {
    this.#finish()
  }

  onWord(start: number, end: number, wordHash: number): void {
    if (this.#goesOn(start, end)) return
    if (this.#isAfterDot) {
      this.#addPart(start, end)
      return
    }
    this.#begin(start, end)
    const word = words.find(this.#text, start, end, wordHash)
    this.#decide(queryBegins.has(word))
    if (word === '') this.#isDistinct = false
    else this.#takeKeyword(word)
  }

  onQuoted(start: number): void {
    const mark = this.#text.charCodeAt(start)
    if (mark === quote) {
      this.#other()
      return
    }
    const end = this.#text.indexOf(String.fromCharCode(mark), start + 1) + 1
    const last = Math.min(this.partCount, MAX_PARTS) - 1
    this.#dashedAt = -1
    if (this.#isAfterDot) this.#addQuoted(start, end, mark)
    // A doubled quote is one escaped quote in the name.
    else if (this.partCount > 0 && this.#ends[last] === start && this.#text.charCodeAt(start - 1) === mark)
      this.#ends[last] = end
    else {
      this.#finish()
      this.place = this.#expected
      this.#expected = 'other'
      this.#addQuoted(start, end, mark)
      this.#decide(false)
      this.#isDistinct = false
    }
  }

  onNumber(start: number): void {
    let end = start
    while (isDigit(this.#text.charCodeAt(end))) end++
    if (this.#goesOn(start, end)) this.#dashedAt = end
    else this.#other()
  }

  onSymbol(codePoint: number, at: number): void {
    // BigQuery's names of projects may have dashes; elsewhere no sign follows the name of a table.
    if (codePoint === minus && this.partCount === 1 && this.place !== 'other' && this.#ends[0] === at) {
      this.#dashedAt = at + 1
      return
    }
    this.#dashedAt = -1
    if (codePoint === dot && this.partCount > 0 && !this.#isAfterDot) {
      this.#isAfterDot = true
      this.#expected = 'other'
      return
    }
    const expected = this.#expected
    this.#finish()
    switch (codePoint) {
      case openParenthesis:
        this.#decide(true)
        this.#depth++
        if (this.#depth < MAX_DEPTH)
          this.#flags[this.#depth] = expected === 'table' ? isQuery | isDecided | inTables : 0
        this.#expected = expected
        return
      case closeParenthesis:
        if (this.#depth > 0) this.#depth--
        break
      case comma:
        this.#expected = this.#has(inTables) ? 'table' : 'other'
        return
      case semicolon:
        this.#depth = 0
        this.#flags[0] = isQuery | isDecided
        this.#namesIndex = false
        break
      default:
        this.#decide(false)
    }
    this.#expected = 'other'
  }

  onDoubt(place: number): void {
    const code = this.#text.charCodeAt(place)
    // This class reads comments and brackets as DuckDB and Dremio do.
    const isPlain = code === openBracket || code === minus || code === hash
    if (isPlain || (this.#backticks && code === backtick && this.#isPlainQuoted(place))) return
    if (code === slash && this.#text.charCodeAt(place + 1) === slash) return
    this.doubtfulFrom = Math.min(this.doubtfulFrom, place)
  }

  #takeKeyword(word: string): void {
    if (word === 'INDEX') this.#namesIndex = true
    if (beforeSchema.has(word)) this.#object = 'schema'
    else if (beforeTable.has(word)) this.#object = 'table'
    const isList = listBegins.has(word) && this.#has(isQuery) && !(word === 'FROM' && this.#isDistinct)
    if (isList) this.#set(inTables)
    else if (listEnds.has(word)) this.#clear(inTables)
    if (isList || beforeTable.has(word) || (word === 'ON' && this.#namesIndex)) this.#expected = 'table'
    else if (word === 'EXISTS' || beforeSchema.has(word)) this.#expected = this.#object
    this.#isDistinct = word === 'DISTINCT'
  }

  /** Whether the quoted name at this place ends, and has no backslash: BigQuery lets it escape a backtick. */
  #isPlainQuoted(place: number): boolean {
    const end = this.#text.indexOf('`', place + 1)
    return end > 0 && !this.#text.slice(place, end).includes('\\')
  }

  /** Continues a first part with dashes. @returns false if there is none, or something is between the dash and this token */
  #goesOn(start: number, end: number): boolean {
    if (this.#dashedAt !== start) {
      this.#dashedAt = -1
      return false
    }
    this.#dashedAt = -1
    this.#ends[0] = end
    return true
  }

  #addQuoted(start: number, end: number, mark: number): void {
    const mayBePath = mark === backtick && this.#backticks && end - start <= MAX_PATH_CHARACTERS
    if (!mayBePath || !this.#text.slice(start, end).includes('.')) this.#addPart(start, end)
    else {
      // The dot in a project such as `example.com:project` ends no part.
      const colon = this.#text.slice(start, end).indexOf(':')
      let from = start + 1
      for (
        let at = this.#text.indexOf('.', from + Math.max(0, colon));
        from < end;
        at = this.#text.indexOf('.', from)
      ) {
        const to = at < 0 || at >= end ? end - 1 : at
        this.#addPart(from, to)
        from = to + 1
      }
    }
  }

  #begin(start: number, end: number): void {
    this.#finish()
    this.place = this.#expected
    this.#expected = 'other'
    this.#addPart(start, end)
  }

  #addPart(start: number, end: number): void {
    if (this.partCount < MAX_PARTS) {
      this.#starts[this.partCount] = start
      this.#ends[this.partCount] = end
    }
    this.partCount++
    this.#isAfterDot = false
  }

  #finish(): void {
    if (this.partCount > 1) this.#take(this)
    this.partCount = 0
    this.#isAfterDot = false
  }

  #other(): void {
    this.#finish()
    this.#decide(false)
    this.#expected = 'other'
    this.#isDistinct = false
  }

  /** The first token in parentheses decides whether they contain a query. */
  #decide(holdsQuery: boolean): void {
    if (!this.#has(isDecided)) this.#set(holdsQuery ? isQuery | isDecided : isDecided)
  }

  #has(flag: number): boolean {
    return this.#depth < MAX_DEPTH && (this.#flags[this.#depth]! & flag) !== 0
  }

  #set(flag: number): void {
    if (this.#depth < MAX_DEPTH) this.#flags[this.#depth]! |= flag
  }

  #clear(flag: number): void {
    if (this.#depth < MAX_DEPTH) this.#flags[this.#depth]! &= ~flag
  }
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine
}
