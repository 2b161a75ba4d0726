import type { TextPass } from './text-pass.ts'
import { beginsWord, EMPTY_HASH, extendHash, fold, isWordCode, type WordTable } from './word-table.ts'

/**
 * Finds which words of a table occur anywhere in a text, including literals and comments. So it does not matter that engines
 * differ in quoting and comments. A word is a run of ASCII letters, digits and `_`, without leading digits. Letters that change
 * to ASCII in another case count as that ASCII letter.
 */
export class WordSearch implements TextPass<ReadonlySet<string>> {
  readonly #text: string
  readonly #table: WordTable
  readonly #found = new Set<string>()
  #at = 0
  /** Offset of the current word; -1 between words. */
  #wordFrom = -1
  #hash = EMPTY_HASH

  constructor(text: string, table: WordTable) {
    this.#text = text
    this.#table = table
  }

  get isDone(): boolean {
    return this.#at > this.#text.length
  }

  advance(characters: number): void {
    const text = this.#text
    const end = Math.min(text.length, this.#at + characters)
    let [at, wordFrom, hash] = [this.#at, this.#wordFrom, this.#hash]
    for (; at < end; at++) {
      const code = fold(text.charCodeAt(at))
      if (wordFrom < 0) {
        if (!beginsWord(code)) continue
        wordFrom = at
        hash = extendHash(EMPTY_HASH, code)
      } else if (isWordCode(code)) hash = extendHash(hash, code)
      else {
        this.#take(wordFrom, at, hash)
        wordFrom = -1
      }
    }
    if (at === text.length) {
      if (wordFrom >= 0) this.#take(wordFrom, at, hash)
      at++
    }
    this.#at = at
    this.#wordFrom = wordFrom
    this.#hash = hash
  }

  result(): ReadonlySet<string> {
    return this.#found
  }

  #take(from: number, end: number, hash: number): void {
    const word = this.#table.find(this.#text, from, end, hash)
    if (word !== '') this.#found.add(word)
  }
}
