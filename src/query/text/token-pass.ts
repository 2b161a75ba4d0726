import { CharacterClass, characterClass } from './character-class.ts'
import type { TextPass } from './text-pass.ts'
import { EMPTY_HASH, extendHash, fold, isWordCode } from './word-table.ts'

/** Receives a statement's tokens in order, by their offsets in the text, without comments and white space. */
export interface TokenVisitor {
  /** A word. @param hash of its characters, for `WordTable` */
  onWord(start: number, end: number, hash: number): void
  /** A quoted name or literal. A doubled quote splits it into two adjacent tokens. @param start offset of the opening quote */
  onQuoted(start: number): void
  /** A run of digits. */
  onNumber(start: number): void
  /** Any other character, including an unclosed quote. */
  onSymbol(codePoint: number, at: number): void
  /** From this offset, servers may disagree about quotes and comments. Offsets are not always in order. */
  onDoubt(at: number): void
  /** Whether the visitor needs no further tokens. */
  readonly isSatisfied?: boolean
}

const [lineFeed, carriageReturn, nextLine, lineSeparator, paragraphSeparator] = [0x0a, 0x0d, 0x85, 0x2028, 0x2029]
const space = 0x20
const [exclamationMark, doubleQuote, hash, quote, star, minus, slash] = [0x21, 0x22, 0x23, 0x27, 0x2a, 0x2d, 0x2f]
const [dollar, semicolon, M, openBracket, backslash, backtick, m] = [0x24, 0x3b, 0x4d, 0x5b, 0x5c, 0x60, 0x6d]

const In = { code: 0, word: 1, number: 2, quoted: 3, line: 4, block: 5 } as const

/**
 * Tokenizes a statement as the standard and most servers do, without allocating tokens.
 *
 * Calls `onDoubt` where servers differ. Some servers let a backslash escape the closing quote; some quote with backticks,
 * brackets, dollars or three quotes. Comments may nest, begin with `#` or `//`, end at other line ends, be executed (`/*!`), or
 * need white space after `--` (but no statement begins with a minus).
 */
export class TokenPass implements TextPass<void> {
  readonly #text: string
  readonly #visitor: TokenVisitor
  readonly #nestedComments: boolean
  #at = 0
  #in: number = In.code
  /** Offset of the current token or comment. */
  #from = 0
  #wordHash = EMPTY_HASH
  #quote = 0
  #depth = 0
  /** Whether the statement has had no token yet. */
  #begins = true
  /** Offset of the first line end, in a `--` comment, that only other servers recognize; -1 if none. */
  #otherLineEnd = -1
  /** Offset of a dollar that may open a dollar quote; -1 if none. */
  #dollar = -1
  #isDone = false

  constructor(text: string, visitor: TokenVisitor, { nestedComments = false } = {}) {
    this.#text = text
    this.#visitor = visitor
    this.#nestedComments = nestedComments
  }

  get isDone(): boolean {
    return this.#isDone || this.#visitor.isSatisfied === true
  }

  result(): void {}

  advance(characters: number): void {
    const text = this.#text
    const end = Math.min(text.length, this.#at + characters)
    while (this.#at < end) {
      if (this.#dollar < 0) this.#skip(text, end)
      if (this.#at < end) this.#at += this.#step(text, this.#at)
    }
    if (this.#at >= text.length && !this.#isDone) this.#end(text)
  }

  /** Fast path of `#step`: skips characters that only extend a word, a literal or a comment. */
  #skip(text: string, end: number): void {
    let at = this.#at
    if (this.#in === In.word) {
      let wordHash = this.#wordHash
      for (; at < end; at++) {
        const code = text.charCodeAt(at)
        if (!isWordCode(code)) break
        wordHash = extendHash(wordHash, fold(code))
      }
      this.#wordHash = wordHash
    } else if (this.#in === In.quoted || this.#in === In.line || this.#in === In.block)
      while (at < end && isPlain(text.charCodeAt(at))) at++
    this.#at = at
  }

  /** Consumes the next one or two characters and returns their number. */
  #step(text: string, at: number): number {
    const code = text.charCodeAt(at)
    if (code === quote || code === doubleQuote) {
      if (text.charCodeAt(at - 1) === code && text.charCodeAt(at - 2) === code) this.#visitor.onDoubt(at - 2)
    }
    if (code === dollar || this.#dollar >= 0) this.#followDollar(text, at, code)
    switch (this.#in) {
      case In.quoted:
        if (code === this.#quote) this.#endQuoted(text, at)
        return 1
      case In.line:
        return this.#inLine(text, at, code)
      case In.block:
        return this.#inBlock(text, at, code)
      default:
        return this.#inCode(text, at, code)
    }
  }

  #inCode(text: string, at: number, code: number): number {
    const codePoint = code < 0xd800 || code > 0xdbff ? code : text.codePointAt(at)!
    const kind = characterClass(codePoint)
    const width = codePoint > 0xffff ? 2 : 1
    if (this.#in === In.word) {
      if (kind !== CharacterClass.space && kind !== CharacterClass.symbol) {
        this.#wordHash = extendHash(this.#wordHash, fold(code))
        return width
      }
      this.#endToken(at)
    } else if (this.#in === In.number) {
      if (kind === CharacterClass.digit) return width
      this.#endToken(at)
    }
    if (kind === CharacterClass.space) return width
    this.#from = at
    if (kind === CharacterClass.letter) {
      this.#in = In.word
      this.#wordHash = extendHash(EMPTY_HASH, fold(code))
      return width
    }
    if (kind === CharacterClass.digit) {
      this.#in = In.number
      return width
    }
    const next = text.charCodeAt(at + 1)
    if (code === minus && next === minus) {
      this.#in = In.line
      this.#otherLineEnd = -1
      const after = text.charCodeAt(at + 2)
      if (!this.#begins && !Number.isNaN(after) && characterClass(after) !== CharacterClass.space)
        this.#visitor.onDoubt(at)
      return 2
    }
    if (code === slash && next === star) {
      this.#in = In.block
      this.#depth = 1
      const after = text.charCodeAt(at + 2)
      const isM = after === M || after === m
      if (after === exclamationMark || (isM && text.charCodeAt(at + 3) === exclamationMark)) this.#visitor.onDoubt(at)
      return 2
    }
    if (code === quote || code === doubleQuote || code === backtick) {
      this.#in = In.quoted
      this.#quote = code
      return 1
    }
    if (code === openBracket || code === hash || (code === slash && next === slash)) this.#visitor.onDoubt(at)
    this.#begins = code === semicolon
    this.#visitor.onSymbol(codePoint, at)
    return width
  }

  /** Ends a word or a number. */
  #endToken(at: number): void {
    if (this.#in === In.word) this.#visitor.onWord(this.#from, at, this.#wordHash)
    else this.#visitor.onNumber(this.#from)
    this.#begins = false
    this.#in = In.code
  }

  #endQuoted(text: string, at: number): void {
    const endsInBackslash = at - 1 > this.#from && text.charCodeAt(at - 1) === backslash
    if (this.#quote === backtick || endsInBackslash) this.#visitor.onDoubt(this.#from)
    this.#visitor.onQuoted(this.#from)
    this.#begins = false
    this.#in = In.code
  }

  #inLine(text: string, at: number, code: number): number {
    if (code === lineFeed) {
      this.#endLine(text, at)
      this.#in = In.code
    } else if (this.#otherLineEnd < 0 && isOtherLineEnd(code)) this.#otherLineEnd = at
    return 1
  }

  #inBlock(text: string, at: number, code: number): number {
    const next = text.charCodeAt(at + 1)
    if (code === slash && next === star) {
      this.#visitor.onDoubt(this.#from)
      if (!this.#nestedComments) return 1
      this.#depth++
      return 2
    }
    if (code !== star || next !== slash) return 1
    if (--this.#depth === 0) this.#in = In.code
    return 2
  }

  #endLine(text: string, at: number): void {
    // A carriage return directly before the line feed is part of the line end.
    const isPartOfEnd = this.#otherLineEnd === at - 1 && text.charCodeAt(at - 1) === carriageReturn
    if (this.#otherLineEnd >= 0 && !isPartOfEnd) this.#visitor.onDoubt(this.#from)
  }

  /** Detects dollar quotes: two dollars with only letters and numbers between them. */
  #followDollar(text: string, at: number, code: number): void {
    if (code === dollar) {
      if (this.#dollar >= 0) this.#visitor.onDoubt(this.#dollar)
      this.#dollar = at
      return
    }
    // The low surrogate was handled with the high surrogate.
    if (code >= 0xdc00 && code <= 0xdfff) return
    const kind = characterClass(text.codePointAt(at)!)
    if (kind === CharacterClass.space || kind === CharacterClass.symbol) this.#dollar = -1
  }

  #end(text: string): void {
    switch (this.#in) {
      case In.quoted:
        // An unclosed quote is a symbol; read on after it. No quote of this kind follows, so this happens at most 3 times.
        this.#visitor.onDoubt(this.#from)
        this.#visitor.onSymbol(this.#quote, this.#from)
        this.#begins = false
        this.#in = In.code
        this.#dollar = -1
        this.#at = this.#from + 1
        return
      case In.line:
        this.#endLine(text, text.length)
        break
      case In.block:
        this.#visitor.onDoubt(this.#from)
        break
      case In.code:
        break
      default:
        this.#endToken(text.length)
    }
    this.#isDone = true
  }
}

/** Whether a code unit has no special meaning in literals and comments; true for letters, digits, `_` and some others. */
function isPlain(code: number): boolean {
  return (code >= semicolon && code !== backtick && code < 0x7f) || code === space || isWordCode(code)
}

function isOtherLineEnd(code: number): boolean {
  return code === carriageReturn || code === nextLine || code === lineSeparator || code === paragraphSeparator
}
