import { type Call, type TextPass, TextReader } from '../../../query/text/text-pass.ts'
import { TokenPass, type TokenVisitor } from '../../../query/text/token-pass.ts'
import { WordSearch } from '../../../query/text/word-search.ts'
import { beginsWord, isWordCode, WordTable } from '../../../query/text/word-table.ts'
import { changing, kindWords, type StatementKind, StatementKinds, type Token } from './classify.ts'

/** What the text of a statement tells. */
export interface StatementText {
  /** Of several statements the strictest kind counts. */
  readonly kind: StatementKind
  /** Whether it has places for parameters outside of literals and comments: `?`, `$1`, `$name`, `:name` or `@name`. */
  readonly hasParameters: boolean
  /** The places of `?`, in order: all of them, or one more than a statement may have. */
  readonly placeholders: readonly number[]
}

/** Most `?` that a statement may have where they are filled in here. */
export const MAX_PLACEHOLDERS = 65_535

const changingWords = new WordTable(changing)
const quoted: Token = { kind: 'quoted', text: '' }
const anyOther: Token = { kind: 'other', text: '' }
const anyWord: Token = { kind: 'word', text: '' }
const symbols = Array.from({ length: 128 }, (_, code): Token => ({ kind: 'other', text: String.fromCharCode(code) }))
const words = new Map<string, Token>()
const [dollar, openParenthesis, colon, questionMark, at] = [0x24, 0x28, 0x3a, 0x3f, 0x40]

const texts = new TextReader((text) => new StatementTextPass(text))

/**
 * Reads the text of a statement, where servers differ in what is quoted and what is a comment so that nothing may be hidden
 * from any of them.
 * @throws the signal's reason
 */
export function readStatement(sql: string, call?: Call): StatementText | Promise<StatementText> {
  return texts.read(sql, call)
}

class StatementTextPass implements TextPass<StatementText> {
  readonly #text: string
  readonly #visitor: Visitor
  readonly #tokens: TokenPass
  #search: WordSearch | undefined
  #kind: StatementKind | undefined

  constructor(text: string) {
    this.#text = text
    this.#visitor = new Visitor(text)
    this.#tokens = new TokenPass(text, this.#visitor)
  }

  get isDone(): boolean {
    return this.#kind !== undefined
  }

  advance(characters: number): void {
    if (this.#search) {
      this.#search.advance(characters)
      if (this.#search.isDone) this.#kind = this.#search.result().size > 0 ? 'change' : this.#plainKind()
      return
    }
    this.#tokens.advance(characters)
    if (!this.#tokens.isDone) return
    this.#visitor.statements.endStatement()
    const kind = this.#plainKind()
    const isDoubtful = this.#visitor.doubtfulFrom < Number.POSITIVE_INFINITY
    if (kind === 'session' || kind === 'change' || !isDoubtful) this.#kind = kind
    else if (this.#mayBeSeveral()) this.#kind = 'change'
    else this.#search = new WordSearch(this.#text, changingWords)
  }

  result(): StatementText {
    const { hasParameters, placeholders } = this.#visitor
    return { kind: this.#kind!, hasParameters, placeholders }
  }

  #plainKind(): StatementKind {
    const { kinds, count } = this.#visitor.statements
    if (kinds.has('session')) return 'session'
    if (kinds.has('change')) return 'change'
    if (!kinds.has('unknown')) return 'read'
    return count === 1 ? 'unknown' : 'change'
  }

  /** Whether a text that servers read differently may be more for one of them than a single statement. */
  #mayBeSeveral(): boolean {
    const { first, firstAt, doubtfulFrom } = this.#visitor
    if (!first || firstAt >= doubtfulFrom || first.text === 'PRAGMA') return true
    const firstEnd = this.#text.indexOf(';')
    return firstEnd >= 0 && firstEnd < this.#text.trimEnd().length - 1
  }
}

class Visitor implements TokenVisitor {
  readonly statements = new StatementKinds()
  readonly placeholders: number[] = []
  hasParameters = false
  doubtfulFrom = Number.POSITIVE_INFINITY
  /** The first token that is no parenthesis. */
  first: Token | undefined
  firstAt = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  onWord(start: number, end: number, hash: number): void {
    this.hasParameters ||= this.#hasDollar(start, end)
    this.#take(tokenOf(kindWords.find(this.#text, start, end, hash)), start)
  }

  onQuoted(start: number): void {
    this.#take(quoted, start)
  }

  onNumber(start: number): void {
    this.#take(anyOther, start)
  }

  onSymbol(codePoint: number, place: number): void {
    if (codePoint === questionMark) {
      this.hasParameters = true
      if (this.placeholders.length <= MAX_PLACEHOLDERS) this.placeholders.push(place)
    } else if (codePoint === dollar || codePoint === colon || codePoint === at)
      this.hasParameters ||= this.#beginsParameter(codePoint, place)
    if (codePoint !== openParenthesis || this.first) this.#take(symbols[codePoint] ?? anyOther, place)
    else this.statements.take(symbols[codePoint]!)
  }

  onDoubt(place: number): void {
    this.doubtfulFrom = Math.min(this.doubtfulFrom, place)
  }

  #take(token: Token, place: number): void {
    if (!this.first) {
      this.first = token
      this.firstAt = place
    }
    this.statements.take(token)
  }

  /** Whether a word goes on with a parameter, as some servers read it. */
  #hasDollar(start: number, end: number): boolean {
    for (let place = start; place < end; place++)
      if (this.#text.charCodeAt(place) === dollar && isWordCode(this.#text.charCodeAt(place + 1))) return true
    return false
  }

  #beginsParameter(code: number, place: number): boolean {
    const before = this.#text.charCodeAt(place - 1)
    const next = this.#text.charCodeAt(place + 1)
    if (code === dollar) return isWordCode(next)
    return before !== code && !isWordCode(before) && beginsWord(next)
  }
}

function tokenOf(word: string): Token {
  if (word === '') return anyWord
  const known = words.get(word)
  if (known) return known
  const token: Token = { kind: 'word', text: word }
  words.set(word, token)
  return token
}
