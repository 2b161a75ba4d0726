import type { SqlDialect } from './dialect.ts'
import { Findings, isRelativeTime, isWholeNumber, obstacleOfKeyword } from './findings.ts'
import { obstacleOfCall, obstacleOfTable, obstacleOfWord } from './functions/function-names.ts'
import { Level, type Opening } from './level.ts'
import type { Token } from './lexer/lexer.ts'
import { type OpenName, unquoted } from './open-name.ts'
import type { CacheObstacle } from './statement-facts.ts'
import {
  beforeParenthesis,
  beforeTable,
  beginsPivot,
  beginsQuery,
  betweenTable,
  endsTableList,
  followsTable,
  otherBegins,
  queryBegins,
  takesFrom,
} from './statement-words.ts'
import { TokensBefore } from './tokens-before.ts'

/** Deeper statements are not read. */
const MAX_DEPTH = 500
const MAX_TABLES = 500
/** Dialects in which no literal stands for the current time. */
const plainTimes: ReadonlySet<SqlDialect> = new Set(['duckdb', 'bigquery'])
/** Reads the tokens of one statement: which functions it calls, which tables it names, and what stands in the way of the cache. */
export class StatementReader {
  readonly findings = new Findings()
  /** Names of tables by their parts, in lower case, without those that WITH defines. */
  readonly tables: (readonly string[])[] = []
  /** Functions that it calls, in upper case. */
  readonly calls = new Set<string>()
  readonly #text: string
  readonly #dialect: SqlDialect
  readonly #levels: Level[] = [new Level('statement')]
  #name: OpenName | undefined
  #isAfterPoint = false
  /** Whether a table is expected. */
  #expectsTable = false
  /** Whether a table has just ended: an alias may follow, and after it a list of columns. */
  #afterTable = false
  readonly #before = new TokensBefore()
  #hasBegun = false
  #isOver = false
  #isTooDeep = false
  /** The call whose arguments begin with the next token. */
  #openCall: { readonly name: string; readonly isInFrom: boolean } | undefined

  constructor(text: string, dialect: SqlDialect) {
    this.#text = text
    this.#dialect = dialect
  }

  take({ kind, start, end }: Token): void {
    if (this.#isTooDeep) return
    if (this.#isOver) {
      // A further statement after the semicolon.
      if (kind === 'symbol' && this.#text[start] === ';') return
      this.findings.meetOther()
      return
    }
    const level = this.#level
    const upper = kind === 'word' ? this.#text.slice(start, end).toUpperCase() : ''
    if (!this.#hasBegun && !(kind === 'symbol' && this.#text[start] === '(')) this.#beginStatement(upper)
    if (kind === 'word') this.findings.see(upper)
    const sign = kind === 'symbol' ? this.#text[start]! : ''
    if (this.#openCall) this.#checkCall(sign === ')')
    const isName = kind === 'word' && this.#takeWord(upper, this.#text.slice(start, end))
    if (kind === 'name') this.#takeQuoted(unquoted(this.#text.slice(start, end)))
    else if (kind === 'symbol') this.#takeSign(sign)
    else if (kind !== 'word' && kind !== 'hint') this.#takeValue(kind, start, end)
    if (kind === 'hint') return
    level.isEmpty = false
    this.#before.take(kind === 'word' && !isName ? upper : sign)
  }

  /** Call at the end of the text. */
  end(): void {
    this.#endName()
    if (!this.#hasBegun) this.#meet('not-a-query')
    if (this.#levels.length > 1 && !this.#isTooDeep) this.#meet('unreadable')
  }

  get #level(): Level {
    return this.#levels[this.#levels.length - 1]!
  }

  #meet(obstacle: CacheObstacle | undefined): void {
    this.findings.meet(obstacle)
  }

  #beginStatement(word: string): void {
    this.#hasBegun = true
    this.findings.begin(word)
    if (!beginsQuery(word, this.#dialect)) this.#meet('not-a-query')
    if (word.startsWith('PIVOT') || word.startsWith('UNPIVOT')) this.#expectsTable = true
  }

  /** @returns whether the word is a name, whatever it means elsewhere */
  #takeWord(word: string, written: string): boolean {
    if (this.#isAfterPoint) {
      this.#takePart(written, false)
      return true
    }
    this.#endName()
    const level = this.#level
    const isName = this.#before.isNaming || level.with === 'name'
    if (isName && !(level.with === 'name' && word === 'RECURSIVE') && !level.isBodyWord(word)) {
      this.#takePart(written, true)
      return true
    }
    if (level.isEmpty && otherBegins.has(word)) this.#meet('not-a-query')
    if (word === 'WITH' && (level.isEmpty || this.#before.isPipe)) {
      level.with = 'name'
      level.inTables = false
      this.#expectsTable = false
    } else if (this.#dialect === 'duckdb' && beginsPivot(word, level)) this.#expectsTable = true
    else if (this.#expectsTable && !queryBegins.has(word) && !betweenTable.has(word)) this.#takePart(written, true)
    else if (!this.#takeKeyword(word, level)) this.#takePart(written, true)
    return false
  }

  /** @returns whether the word is a keyword here, and not a name */
  #takeKeyword(word: string, level: Level): boolean {
    const { last: previous, isPipe: isPiped } = this.#before
    this.#meet(obstacleOfKeyword(word, { previous, isPiped, inTables: level.inTables }))
    const isComparison = word === 'FROM' && this.#before.isDistinction
    if (isComparison || (word === 'FROM' && level.opening === 'from-argument')) return true
    if (beforeTable.has(word) || word === 'TABLE' || (betweenTable.has(word) && this.#expectsTable)) {
      level.inTables ||= beforeTable.has(word)
      this.#expectsTable = true
      this.#afterTable = false
      return true
    }
    if (endsTableList(word, previous, this.#dialect) || (word === 'VALUES' && level.isEmpty)) {
      level.inTables = false
      this.#expectsTable = false
      this.#afterTable = false
      return true
    }
    if (this.#afterTable) {
      if (word === 'AS') return true
      if (followsTable.has(word)) {
        this.#afterTable = false
        return true
      }
      return false
    }
    return beforeParenthesis.has(word)
  }

  #takeQuoted(text: string): void {
    if (this.#dialect !== 'bigquery') this.#takePart(text, false)
    else
      for (const [index, part] of text.split('.').entries()) {
        if (index > 0) this.#isAfterPoint = true
        this.#takePart(part, false)
      }
  }

  #takePart(text: string, isPlain: boolean): void {
    const level = this.#level
    if (this.#name && this.#isAfterPoint) {
      this.#name.parts.push(text)
      this.#isAfterPoint = false
      return
    }
    this.#endName()
    if (level.with === 'name') {
      level.cteName = text
      level.with = 'named'
      return
    }
    const isTable = this.#expectsTable
    this.#expectsTable = false
    const isAlias = this.#afterTable
    this.#afterTable = false
    this.#name = { parts: [text], isPlain, isTable, isNamed: this.#before.isNaming, isAlias }
  }

  /** A literal, a number or a parameter. */
  #takeValue(kind: Token['kind'], start: number, end: number): void {
    if (kind === 'number') {
      const written = this.#text.slice(start, end)
      if (this.#isAfterPoint && this.#name?.isTable) {
        this.#name.parts.push(...written.split('.'))
        this.#isAfterPoint = false
        return
      }
      // `1FROM t` are two tokens for some engines.
      if (!isWholeNumber(written)) this.#meet('unreadable')
    }
    this.#endName()
    if (kind === 'text' && this.#expectsTable) this.#meet('external-data')
    if (kind === 'text' && !plainTimes.has(this.#dialect) && isRelativeTime(this.#text.slice(start, start + 64)))
      this.#meet('volatile-function')
    if (kind === 'parameter' && this.#text.startsWith('@@', start)) this.#meet('session-state')
    this.#expectsTable = false
    this.#afterTable = false
  }

  #takeSign(sign: string): void {
    switch (sign) {
      case '.':
        if (this.#name && !this.#isAfterPoint) this.#isAfterPoint = true
        else this.#other()
        return
      case '(':
        this.#open(this.#openingOf())
        return
      case '[':
      case '{':
        this.#open('other')
        return
      case ')':
      case ']':
      case '}':
        this.#close()
        return
      case ',':
        this.#takeComma()
        return
      case ';':
        this.#endName()
        this.#isOver = true
        return
      case '@':
        // Variables of the session; DuckDB has none, and there it is an operator.
        if (this.#dialect === 'dremio' || this.#dialect === 'standard') this.#meet('session-state')
        this.#other()
        return
      case ':':
        this.#takeColon()
        return
      case '-':
        // Names of BigQuery's projects and regions may have dashes.
        if (this.#dialect === 'bigquery' && this.#name?.isTable && !this.#isAfterPoint) this.#isAfterPoint = true
        else this.#other()
        return
      case '>':
        this.#other()
        if (this.#before.last === '|') this.#level.inTables = false
        return
      default:
        this.#other()
    }
  }

  /** In DuckDB, `FROM alias: table` names the table after its alias. */
  #takeColon(): void {
    const name = this.#name
    if (this.#dialect === 'duckdb' && name?.isTable && name.parts.length === 1 && this.#before.last !== ':') {
      this.#name = undefined
      this.#expectsTable = true
    } else this.#other()
  }

  #takeComma(): void {
    const level = this.#level
    const followsCte = level.with === 'body'
    this.#endName()
    this.#expectsTable = level.inTables
    this.#afterTable = false
    if (followsCte) level.with = 'name'
  }

  #other(): void {
    this.#endName()
    this.#expectsTable = false
    this.#afterTable = false
  }

  #open(opening: Opening): void {
    this.#endName()
    if (this.#levels.length >= MAX_DEPTH) {
      this.#meet('unreadable')
      this.#isTooDeep = true
    }
    this.#levels.push(new Level(opening))
    this.#expectsTable = opening === 'table'
    this.#afterTable = false
  }

  #openingOf(): Opening {
    const level = this.#level
    const name = this.#name
    if (level.with === 'named' && !name) {
      const isBody = this.#before.last === 'AS' || this.#before.last === 'MATERIALIZED'
      return isBody ? 'cte' : 'other'
    }
    // A word that is none of the reserved ones may be a function that users have defined.
    if (!name && /^[A-Z_]/.test(this.#before.last)) this.calls.add(this.#before.last)
    if (!name) return this.#expectsTable ? 'table' : 'other'
    this.#name = undefined
    const { parts, isPlain, isTable, isNamed, isAlias } = name
    // A type, or an alias with the names of its columns.
    if (isAlias) return 'table-tail'
    if (isNamed) return 'other'
    const upper = parts.join('.').toUpperCase()
    if (isPlain && parts.length === 1 && !isTable && beforeParenthesis.has(upper)) return 'other'
    this.#openCall = { name: upper, isInFrom: isTable }
    if (isTable) return 'table-tail'
    return parts.length === 1 && takesFrom.has(upper) ? 'from-argument' : 'other'
  }

  #checkCall(isEmpty: boolean): void {
    const { name, isInFrom } = this.#openCall!
    this.#openCall = undefined
    this.calls.add(name)
    this.findings.meetCall(name, obstacleOfCall({ name, isInFrom, hasArguments: !isEmpty }, this.#dialect))
  }

  #close(): void {
    this.#endName()
    this.#expectsTable = false
    if (this.#levels.length === 1) {
      this.#meet('unreadable')
      return
    }
    const { opening } = this.#levels.pop()!
    if (opening === 'cte') this.#level.endCte()
    this.#afterTable = opening === 'table' || opening === 'table-tail'
  }

  #endName(): void {
    const name = this.#name
    this.#name = undefined
    this.#isAfterPoint = false
    const { with: inWith } = this.#level
    if (inWith === 'body') this.#level.with = undefined
    if (!name) return
    const { parts, isPlain, isTable, isNamed, isAlias } = name
    if (isTable) {
      this.#takeTable(parts)
      this.#afterTable = true
    } else if (isPlain && parts.length === 1 && !isNamed && !isAlias)
      this.#meet(obstacleOfWord(parts[0]!.toUpperCase(), this.#dialect))
    else if (!isNamed && parts.length > 1 && /^(nextval|currval)$/i.test(parts.at(-1)!)) this.#meet('volatile-function')
  }

  #takeTable(parts: readonly string[]): void {
    const lower = parts.map((part) => part.toLowerCase())
    if (lower.length === 1 && this.#levels.some((level) => level.hasCte(parts[0]!, this.#dialect))) return
    this.#meet(obstacleOfTable(lower, this.#dialect))
    if (this.tables.length >= MAX_TABLES) this.#meet('unreadable')
    else this.tables.push(lower)
  }
}
