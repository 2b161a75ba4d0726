import type { TextPass } from '../../../query/text/text-pass.ts'
import { beginsWord, EMPTY_HASH, extendHash, fold, isWordCode, WordTable } from '../../../query/text/word-table.ts'

const table = new WordTable(['QUERY', 'U'])
const [lineFeed, carriageReturn, space] = [0x0a, 0x0d, 0x20]
const [doubleQuote, ampersand, openParenthesis, star, minus, slash, del] = [0x22, 0x26, 0x28, 0x2a, 0x2d, 0x2f, 0x7f]

/** What a `CallSearch` has found first. */
export type Finding = 'call' | 'escaped identifier'

/**
 * Looks for a call of the function `query`, and for identifiers with Unicode escapes (`U&"..."`), which could spell it.
 *
 * Each `query` in the text counts as a name of the statement, also in literals and comments, and is followed as DuckDB reads
 * what may stand between a name and its parenthesis: white space, for which it takes a number of characters that are not
 * ASCII too (all of them count here), `--` comments up to either end of a line, and comments that nest. All names that are
 * followed at a time share their state, so that time grows with the text's length alone; where they differ, whatever one
 * of them could be in counts.
 */
export class CallSearch implements TextPass<Finding | undefined> {
  readonly #text: string
  #at = 0
  #wordFrom = -1
  #hash = EMPTY_HASH
  /** Whether a parenthesis here would make a call. */
  #inGap = false
  #isAfterName = false
  /** Whether a `--` comment that follows a name goes on. */
  #inLine = false
  /** How deep in comments that follow a name; only that of the first is counted, whose end is the last. */
  #depth = 0
  #finding: Finding | undefined

  constructor(text: string) {
    this.#text = text
  }

  get isDone(): boolean {
    return this.#at >= this.#text.length || this.#finding !== undefined
  }

  result(): Finding | undefined {
    return this.#finding
  }

  advance(characters: number): void {
    const text = this.#text
    const end = Math.min(text.length, this.#at + characters)
    while (this.#at < end && this.#finding === undefined) {
      const code = text.charCodeAt(this.#at)
      if (isWordCode(code)) {
        if (this.#wordFrom >= 0) this.#hash = extendHash(this.#hash, fold(code))
        else if (beginsWord(code)) {
          this.#wordFrom = this.#at
          this.#hash = extendHash(EMPTY_HASH, fold(code))
        }
        this.#inGap = this.#isAfterName = false
        this.#at++
        continue
      }
      if (this.#wordFrom >= 0) this.#endWord(code)
      this.#at += this.#follow(code, text.charCodeAt(this.#at + 1))
    }
  }

  #endWord(code: number): void {
    const word = table.find(this.#text, this.#wordFrom, this.#at, this.#hash)
    this.#wordFrom = -1
    if (word === 'QUERY') this.#inGap = this.#isAfterName = true
    else if (word === 'U' && code === ampersand && this.#text.charCodeAt(this.#at + 1) === doubleQuote)
      this.#finding = 'escaped identifier'
  }

  /** Takes a character that is of no word; answers with how many it has taken. */
  #follow(code: number, next: number): number {
    const [wasInGap, wasAfterName] = [this.#inGap, this.#isAfterName]
    this.#inGap = this.#isAfterName = false
    if (code === openParenthesis) {
      if (wasInGap) this.#finding = 'call'
    } else if (code === doubleQuote) this.#inGap = wasAfterName
    else if (code === slash && next === star) {
      if (wasInGap || this.#depth > 0) this.#depth++
      return 2
    } else if (code === star && next === slash) {
      // An engine whose comments do not nest is outside after the first end already.
      this.#inGap = this.#depth > 0
      if (this.#depth > 0) this.#depth--
      return 2
    } else if (code === minus && next === minus && wasInGap) this.#inLine = true
    else if (code === lineFeed || code === carriageReturn) {
      this.#inGap = wasInGap || this.#inLine
      this.#inLine = false
    } else this.#inGap = wasInGap && isBlank(code)
    return 1
  }
}

/** Whether an engine may take it for white space. */
function isBlank(code: number): boolean {
  return code <= space || code >= del
}
