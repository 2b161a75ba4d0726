import type { TokenVisitor } from './token-pass.ts'
import { WordTable } from './word-table.ts'

const list = (words: string): ReadonlySet<string> => new Set(words.split(' '))

/** After these a list of tables begins. */
const listBegins = list('FROM USING JOIN UPDATE')
/** After these a list of tables is over. */
const listEnds = list(
  'SELECT WHERE GROUP HAVING ORDER LIMIT OFFSET FETCH UNION EXCEPT INTERSECT SET WINDOW QUALIFY RETURNING VALUES WHEN PIVOT UNPIVOT',
)
/** After these a table is named, or what is named as tables are. */
const beforeTable = list(
  'JOIN INTO UPDATE MERGE TABLE VIEW SEQUENCE TYPE MACRO FUNCTION INDEX DESCRIBE DESC SUMMARIZE ANALYZE TRUNCATE COPY REFERENCES ONLY LATERAL PIVOT UNPIVOT',
)
const beforeSchema = list('SCHEMA DATABASE')
/** Parentheses that begin with these hold a query; in others FROM belongs to a function, as in EXTRACT. */
const queryBegins = list(
  'SELECT WITH FROM TABLE VALUES INSERT UPDATE DELETE MERGE DESCRIBE SHOW SUMMARIZE PIVOT UNPIVOT',
)
const all = [listBegins, listEnds, beforeTable, beforeSchema, queryBegins, list('EXISTS ON DISTINCT')]
const words = new WordTable(all.flatMap((each) => [...each]))

const [quote, openParenthesis, closeParenthesis, comma, minus, dot, slash] = [0x27, 0x28, 0x29, 0x2c, 0x2d, 0x2e, 0x2f]
const [semicolon, hash, openBracket] = [0x3b, 0x23, 0x5b]
/** Parts of a name that are kept; a name may have more. */
const MAX_PARTS = 16
/** Deeper parentheses are read as if they held no query. */
const MAX_DEPTH = 1000
const [isQuery, isDecided, inTables] = [1, 2, 4]

/** Where a name stands: where a statement names a table, or a schema, or anywhere else. */
export type Place = 'table' | 'schema' | 'other'

/** A name of two parts or more, such as `a."b".c`. */
export interface QualifiedName {
  readonly place: Place
  /** Where it begins in the text. */
  readonly start: number
  /** Where its second part begins. */
  readonly restStart: number
  readonly partCount: number
  /** A part without its quotes, counted from 0. Only the first 16 can be told. */
  part(index: number): string
}

/**
 * Finds the names of several parts in a statement, and which of them stand where a table is named: after words such as FROM,
 * JOIN and INTO, and in the list that follows FROM.
 */
export class QualifiedNames implements TokenVisitor, QualifiedName {
  /** From here on servers differ in what is quoted: what looks like a name may be part of a literal. */
  doubtfulFrom = Number.POSITIVE_INFINITY
  place: Place = 'other'
  partCount = 0
  readonly #text: string
  readonly #take: (name: QualifiedName) => void
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #expected: Place = 'other'
  #isAfterDot = false
  #depth = 0
  /** By depth of parentheses. */
  readonly #flags: number[] = [isQuery | isDecided]
  #isDistinct = false
  #namesIndex = false
  #object: Place = 'table'

  /** @param take is shown each name when it has ended; the object is the same each time */
  constructor(text: string, take: (name: QualifiedName) => void) {
    this.#text = text
    this.#take = take
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

  /** The text has ended. */
  end(): void {
    this.#finish()
  }

  onWord(start: number, end: number, wordHash: number): void {
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
    if (this.#isAfterDot) this.#addPart(start, end)
    // A doubled quote stands for one in the name.
    else if (this.partCount > 0 && this.#ends[last] === start && this.#text.charCodeAt(start - 1) === mark)
      this.#ends[last] = end
    else {
      this.#begin(start, end)
      this.#decide(false)
      this.#isDistinct = false
    }
  }

  onNumber(): void {
    this.#other()
  }

  onSymbol(codePoint: number): void {
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
    // Comments and brackets are read here as DuckDB and Dremio read them.
    const isPlain = code === openBracket || code === minus || code === hash
    if (isPlain || (code === slash && this.#text.charCodeAt(place + 1) === slash)) return
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

  /** The first token of parentheses tells whether they hold a query. */
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
