import type { SqlDialect } from '../dialect.ts'
import { type GapRules, skipGap } from './gaps.ts'

/** `text` is a literal in quotes, `name` a quoted name, `hint` a comment that some engines obey. */
export type TokenKind = 'word' | 'name' | 'text' | 'number' | 'parameter' | 'hint' | 'symbol'

/** A piece of a statement. The lexer reuses the object. */
export interface Token {
  kind: TokenKind
  start: number
  /** Offset after its last character. */
  end: number
  /** Whether white space or a comment stands before it. */
  hasGap: boolean
}

/** What stands in the way of splitting a text. `doubt`: engines of the dialect would split it in other places. */
export type LexerFault = 'doubt' | 'not closed'

interface Rules extends GapRules {
  /** Alternatives in their order. */
  readonly pattern: RegExp
  /** Whether a token may be read otherwise by an engine of the dialect. */
  readonly isDoubtful?: (text: string, token: Token) => boolean
}

/** Letters of which an engine may make ASCII letters: `\u017f` is an s in upper case. */
const folding = /[\u0130\u0131\u017f\u212a]/
const word = String.raw`(?:[A-Za-z_\p{L}][\w$\p{L}\p{N}\p{M}]*)`
const plainWord = String.raw`(?:[A-Za-z_\p{L}][\w\p{L}\p{N}\p{M}]*)`
const number = String.raw`(?:\d[\w.]*|\.\d[\w.]*)`
const symbol = String.raw`(?:[!-/:-@[-^{-~\x60])`
/** A quoted token in which the doubled quote stands for one. */
const doubled = (quote: string) => `${quote}[^${quote}]*(?:${quote}${quote}[^${quote}]*)*${quote}`
/** A quoted token in which a backslash escapes the next character. */
const escaped = (quote: string) => String.raw`${quote}[^${quote}\\]*(?:\\[^][^${quote}\\]*)*${quote}`
const triple = (quote: string) =>
  String.raw`${quote}${quote}${quote}[^${quote}\\]*(?:(?:\\[^]|${quote}(?!${quote}${quote}))[^${quote}\\]*)*${quote}${quote}${quote}`
const pattern = (...alternatives: string[]) => new RegExp(alternatives.join('|'), 'uy')

const duckdb: Rules = {
  pattern: pattern(
    String.raw`(?:[eE]'[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*'|${doubled("'")}|(?:\$(?:[A-Za-z_]\w*)?\$))`,
    `(?:${doubled('"')})`,
    String.raw`(?:\$(?:\d+|[A-Za-z_]\w*)|\?\d*)`,
    word,
    number,
    symbol,
  ),
  nestedComments: true,
  hashComments: false,
  mayDiffer: false,
  isDoubtful: (text, { kind, start, end }) =>
    // U&'...' and U&"..." have escapes.
    (kind === 'word' && end - start === 1 && /u/i.test(text[start]!) && /^&['"]/.test(text.slice(end, end + 2))) ||
    // A dollar quote whose tag has letters beyond ASCII.
    (text[start] === '$' && (kind === 'symbol' || (kind === 'parameter' && text.charCodeAt(end) > 0x7f))),
}

const bigquery: Rules = {
  pattern: pattern(
    `(?:(?:[rR][bB]?|[bB][rR]?)?(?:${triple('"')}|${triple("'")}|${escaped('"')}|${escaped("'")}))`,
    `(?:${escaped('`')})`,
    '(?:@@?(?:\\w+|`[^`]*`)|\\?)',
    plainWord,
    number,
    symbol,
  ),
  nestedComments: false,
  hashComments: true,
  mayDiffer: true,
}

const standardPattern = pattern(
  `(?:${doubled("'")})`,
  `(?:${doubled('"')}|${doubled('`')})`,
  String.raw`(?:\?)`,
  word,
  number,
  symbol,
)

/** Whether a backslash may escape a quote, a prefix may change how a literal is read, or a sign may begin a quote or a comment. */
function isDoubtfulStandard(text: string, { kind, start, end }: Token): boolean {
  if (kind === 'text' || kind === 'name') return /\\['"`]/.test(text.slice(start, end))
  if (kind === 'word')
    return end - start === 1 && /[eEuUqQ]/.test(text[start]!) && /^(?:'|&['"])/.test(text.slice(end, end + 2))
  if (kind !== 'symbol') return false
  const sign = text[start]
  return (
    sign === '#' ||
    sign === '\\' ||
    sign === '`' ||
    (sign === '/' && text[start + 1] === '/') ||
    isDollarQuote(text, start)
  )
}

function isDollarQuote(text: string, at: number): boolean {
  return text[at] === '$' && /^\$(?:[A-Za-z_]\w*)?\$/.test(text.slice(at, at + 256))
}

const standard: Rules = {
  pattern: standardPattern,
  nestedComments: false,
  hashComments: false,
  mayDiffer: true,
  isDoubtful: isDoubtfulStandard,
}
const dremio: Rules = {
  ...standard,
  isDoubtful: (text, token) => isDoubtfulStandard(text, token) || (token.kind === 'name' && text[token.start] === '`'),
}
const rulesOf: Readonly<Record<SqlDialect, Rules>> = { duckdb, bigquery, dremio, standard }

/**
 * Splits a statement into tokens as the engines of a dialect do. It stops at the first place where they may differ: what follows
 * could be part of a literal or a comment. Sources: https://duckdb.org/docs/stable/sql/dialect/keywords_and_identifiers,
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical, https://calcite.apache.org/docs/reference.html.
 */
export class Lexer {
  readonly token: Token = { kind: 'symbol', start: 0, end: 0, hasGap: false }
  fault: LexerFault | undefined
  readonly #text: string
  readonly #rules: Rules
  readonly #pattern: RegExp
  readonly #seesBrackets: boolean
  /** Brackets that are open: some engines quote names with them. */
  #brackets = 0
  #at = 0

  constructor(text: string, dialect: SqlDialect) {
    this.#text = text
    this.#rules = rulesOf[dialect]
    this.#pattern = this.#rules.pattern
    this.#seesBrackets = dialect === 'standard'
  }

  /** Offset up to which the text has been read. */
  get at(): number {
    return this.#at
  }

  /** Reads the next token into `token`. @returns false at the end and after a fault */
  next(): boolean {
    const { token } = this
    if (this.fault) return false
    const gap = skipGap(this.#text, this.#at, this.#rules)
    if (gap.fault) return this.#fail(gap.fault)
    token.hasGap = gap.end > this.#at
    token.start = gap.end
    if (gap.hintEnd > gap.end) {
      this.#take('hint', gap.hintEnd)
      return true
    }
    if (gap.end === this.#text.length) {
      this.#at = gap.end
      return false
    }
    return this.#read(gap.end, gap.hasComment)
  }

  #read(at: number, hasComment: boolean): boolean {
    const { token } = this
    const text = this.#text
    this.#pattern.lastIndex = at
    if (!this.#pattern.test(text)) return this.#fail('doubt')
    const previous = token.kind
    const end = this.#pattern.lastIndex
    const isDollarQuote = this.#rules === duckdb && end - at > 1 && text[at] === '$' && text[end - 1] === '$'
    if (isDollarQuote) {
      const mark = text.slice(at, end)
      const closing = text.indexOf(mark, end)
      if (closing < 0) return this.#fail('not closed')
      this.#take('text', closing + mark.length)
    } else this.#take(this.#kindOf(at, end), end)
    const { kind } = token
    if (kind === 'symbol' && isQuote(text.charCodeAt(at), this.#rules === duckdb)) return this.#fail('not closed')
    if (kind === 'word' && folding.test(text.slice(at, end))) return this.#fail('doubt')
    // Two literals in a row may be one, and a number that ends in a letter may be a prefix.
    const joins = kind === 'text' && (previous === 'text' || (previous === 'number' && !token.hasGap))
    if (joins || this.#rules.isDoubtful?.(text, token)) return this.#fail('doubt')
    if (this.#seesBrackets && !this.#followBrackets(kind, hasComment)) return this.#fail('doubt')
    return true
  }

  /** @returns false for a quote or a comment in brackets */
  #followBrackets(kind: TokenKind, hasComment: boolean): boolean {
    const isInBrackets = this.#brackets > 0
    const sign = kind === 'symbol' ? this.#text[this.token.start] : ''
    if (sign === '[') this.#brackets++
    else if (sign === ']') this.#brackets--
    return !isInBrackets || !(kind === 'text' || kind === 'name' || hasComment)
  }

  /** The kind of what the pattern has found, by its first and last characters. */
  #kindOf(at: number, end: number): TokenKind {
    const text = this.#text
    const first = text.charCodeAt(at)
    if (isQuote(first, false)) {
      if (end - at === 1) return 'symbol'
      return first === 0x27 || (first === 0x22 && this.#rules === bigquery) ? 'text' : 'name'
    }
    if (first === 0x3f || ((first === 0x24 || first === 0x40) && end - at > 1)) return 'parameter'
    if (isDigit(first) || (first === 0x2e && end - at > 1)) return 'number'
    // A word, or a literal with a prefix.
    if (isLetter(first)) return isQuote(text.charCodeAt(end - 1), false) ? 'text' : 'word'
    return 'symbol'
  }

  #take(kind: TokenKind, end: number): void {
    this.token.kind = kind
    this.token.end = end
    this.#at = end
  }

  #fail(fault: LexerFault): false {
    this.fault = fault
    return false
  }
}

function isQuote(code: number, hasNoBackticks: boolean): boolean {
  return code === 0x22 || code === 0x27 || (code === 0x60 && !hasNoBackticks)
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** Whether a token that begins with this character is a word: the pattern lets no other sign above ASCII begin one. */
function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f || code > 0x7f
}
