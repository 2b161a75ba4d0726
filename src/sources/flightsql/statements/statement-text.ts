import { type Call, type TextPass, TextReader } from '../../../query/text/text-pass.ts'
import { TokenPass, type TokenVisitor } from '../../../query/text/token-pass.ts'
import { WordSearch } from '../../../query/text/word-search.ts'
import { beginsWord, isWordCode, WordTable } from '../../../query/text/word-table.ts'
import { changing, kindWords, type StatementKind, StatementKinds, type Token } from './classify.ts'

/** What the gateway learns from the text of a statement. */
export interface StatementText {
  /** The strictest kind if the text has several statements. */
  readonly kind: StatementKind
  /** Whether it has placeholders outside of literals and comments: `?`, `$1`, `$name`, `:name` or `@name`. */
  readonly hasParameters: boolean
  /** Offsets of all `?` in UTF-16 code units, in order; at most `MAX_PLACEHOLDERS` + 1. */
  readonly placeholders: readonly number[]
}

/** Most `?` in a statement whose parameters the gateway inlines. */
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
 * Reads the text of a statement. Servers differ in what is a quote or a comment: a statement that one of them would execute
 * must not be hidden in a text that the gateway takes for one.
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
      if (this.#search.isDone) this.#kind = this.#search.result().size > 0 ? 'change' : this.#keywordKind()
      return
    }
    this.#tokens.advance(characters)
    if (!this.#tokens.isDone) return
    this.#visitor.statements.endStatement()
    const kind = this.#keywordKind()
    const isDoubtful = this.#visitor.doubtfulFrom < Number.POSITIVE_INFINITY
    if (kind === 'session' || kind === 'change' || !isDoubtful) this.#kind = kind
    else if (this.#mayBeSeveral()) this.#kind = 'change'
    else this.#search = new WordSearch(this.#text, changingWords)
  }

  result(): StatementText {
    const { hasParameters, placeholders } = this.#visitor
    return { kind: this.#kind!, hasParameters, placeholders }
  }

  #keywordKind(): StatementKind {
    const { kinds, count } = this.#visitor.statements
    if (kinds.has('session')) return 'session'
    if (kinds.has('change')) return 'change'
    if (!kinds.has('unknown')) return 'read'
    return count === 1 ? 'unknown' : 'change'
  }

  /** Whether a text that servers read differently may be several statements for one of them. */
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
  /** The first token that is not an opening parenthesis. */
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

  onSymbol(codePoint: number, offset: number): void {
    if (codePoint === questionMark) {
      this.hasParameters = true
      if (this.placeholders.length <= MAX_PLACEHOLDERS) this.placeholders.push(offset)
    } else if (codePoint === dollar || codePoint === colon || codePoint === at)
      this.hasParameters ||= this.#beginsParameter(codePoint, offset)
    if (codePoint !== openParenthesis || this.first) this.#take(symbols[codePoint] ?? anyOther, offset)
    else this.statements.take(symbols[codePoint]!)
  }

  onDoubt(offset: number): void {
    this.doubtfulFrom = Math.min(this.doubtfulFrom, offset)
  }

  #take(token: Token, offset: number): void {
    if (!this.first) {
      this.first = token
      this.firstAt = offset
    }
    this.statements.take(token)
  }

  /** Whether a word contains a `$` parameter as some servers read it. */
  #hasDollar(start: number, end: number): boolean {
    for (let offset = start; offset < end; offset++)
      if (this.#text.charCodeAt(offset) === dollar && isWordCode(this.#text.charCodeAt(offset + 1))) return true
    return false
  }

  #beginsParameter(code: number, offset: number): boolean {
    const before = this.#text.charCodeAt(offset - 1)
    const next = this.#text.charCodeAt(offset + 1)
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
