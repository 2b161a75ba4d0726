import type { TextPass } from '../../../query/text/text-pass.ts'
import { beginsWord, EMPTY_HASH, extendHash, fold, isWordCode, WordTable } from '../../../query/text/word-table.ts'

/** Functions that are refused where they are called: columns have their names too. */
const called = new Set(['QUERY', 'CHECKPOINT'])
const table = new WordTable([...called, 'U'])
const [lineFeed, carriageReturn, space] = [0x0a, 0x0d, 0x20]
const [doubleQuote, ampersand, openParenthesis, star, minus, slash, del] = [0x22, 0x26, 0x28, 0x2a, 0x2d, 0x2f, 0x7f]

/** The first finding of a `CallSearch`. */
export type CallFinding = 'call' | 'escaped identifier'

/**
 * Looks for calls of the functions `query` and `checkpoint`, and for identifiers with Unicode escapes (`U&"..."`), which could spell
 * them.
 *
 * Each such name in the text counts as a name, also in literals and comments. The search follows it as DuckDB reads the gap
 * between a name and its parenthesis: white space, where DuckDB accepts some non-ASCII characters (all of them count here),
 * `--` comments up to CR or LF, and nested comments. All names followed at a time share one state, so the search takes linear
 * time. Where their states differ, the search reports what any of them could be.
 */
export class CallSearch implements TextPass<CallFinding | undefined> {
  readonly #text: string
  #index = 0
  #wordStart = -1
  #hash = EMPTY_HASH
  /** Whether an opening parenthesis here would make a call. */
  #isCallGap = false
  #isRightAfterName = false
  /** Whether the text is in a `--` comment that follows a name. */
  #isLineComment = false
  /** Depth of nested comments that follow a name. Only the first name's is counted, since its comment ends last. */
  #commentDepth = 0
  #finding: CallFinding | undefined

  constructor(text: string) {
    this.#text = text
  }

  get isDone(): boolean {
    return this.#index >= this.#text.length || this.#finding !== undefined
  }

  result(): CallFinding | undefined {
    return this.#finding
  }

  advance(characters: number): void {
    const text = this.#text
    const end = Math.min(text.length, this.#index + characters)
    while (this.#index < end && this.#finding === undefined) {
      const code = text.charCodeAt(this.#index)
      if (isWordCode(code)) {
        if (this.#wordStart >= 0) this.#hash = extendHash(this.#hash, fold(code))
        else if (beginsWord(code)) {
          this.#wordStart = this.#index
          this.#hash = extendHash(EMPTY_HASH, fold(code))
        }
        this.#isCallGap = this.#isRightAfterName = false
        this.#index++
        continue
      }
      if (this.#wordStart >= 0) this.#endWord(code)
      this.#index += this.#consume(code, text.charCodeAt(this.#index + 1))
    }
  }

  #endWord(code: number): void {
    const word = table.find(this.#text, this.#wordStart, this.#index, this.#hash)
    this.#wordStart = -1
    if (word !== undefined && called.has(word)) this.#isCallGap = this.#isRightAfterName = true
    else if (word === 'U' && code === ampersand && this.#text.charCodeAt(this.#index + 1) === doubleQuote)
      this.#finding = 'escaped identifier'
  }

  /** Consumes a character outside of words. @returns characters consumed */
  #consume(code: number, next: number): number {
    const [wasCallGap, wasRightAfterName] = [this.#isCallGap, this.#isRightAfterName]
    this.#isCallGap = this.#isRightAfterName = false
    if (code === openParenthesis) {
      if (wasCallGap) this.#finding = 'call'
    } else if (code === doubleQuote) this.#isCallGap = wasRightAfterName
    else if (code === slash && next === star) {
      if (wasCallGap || this.#commentDepth > 0) this.#commentDepth++
      return 2
    } else if (code === star && next === slash) {
      // An engine without nested comments leaves the comment at the first end.
      this.#isCallGap = this.#commentDepth > 0
      if (this.#commentDepth > 0) this.#commentDepth--
      return 2
    } else if (code === minus && next === minus && wasCallGap) this.#isLineComment = true
    else if (code === lineFeed || code === carriageReturn) {
      this.#isCallGap = wasCallGap || this.#isLineComment
      this.#isLineComment = false
    } else this.#isCallGap = wasCallGap && isWhiteSpace(code)
    return 1
  }
}

/** Whether an engine may treat the character as white space. */
function isWhiteSpace(code: number): boolean {
  return code <= space || code >= del
}
