const FNV_PRIME = 0x01000193
/** Hash of the empty word. */
export const EMPTY_HASH = 0x811c9dc5 | 0

/** By ASCII code: 1 for letters and `_`, 2 for digits, 0 for characters that are in no word. */
const wordCodes = new Uint8Array(128)
/** By UTF-16 code unit: its lower case if that is an ASCII letter, otherwise the code unit itself. */
const folded = Uint16Array.from({ length: 0x10000 }, (_, code) => code)
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code)
  wordCodes[code] = /[A-Za-z_]/.test(character) ? 1 : /[0-9]/.test(character) ? 2 : 0
  folded[code] = character.toLowerCase().charCodeAt(0)
}
/** Letters that become ASCII when an engine changes their case: dotless and dotted i, long s, and the kelvin sign. */
const toAscii = { '\u0131': 'i', '\u0130': 'i', '\u017f': 's', '\u212a': 'k' }
for (const [character, ascii] of Object.entries(toAscii)) folded[character.charCodeAt(0)] = ascii.charCodeAt(0)

/** Whether a code unit is an ASCII letter, a digit or `_`. */
export function isWordCode(code: number): boolean {
  return code < 128 && wordCodes[code] !== 0
}

/** Whether a code unit is an ASCII letter or `_`. */
export function beginsWord(code: number): boolean {
  return code < 128 && wordCodes[code] === 1
}

/** Returns the lower case of a UTF-16 code unit that an engine may treat as an ASCII letter; otherwise the unit itself. */
export function fold(code: number): number {
  return folded[code]!
}

/** Extends the hash of a word by one code unit that `fold` returned. */
export function extendHash(hash: number, foldedCode: number): number {
  return Math.imul(hash ^ foldedCode, FNV_PRIME)
}

/** A set of ASCII words. Looks up words of a text by hash, without allocating a string for each. */
export class WordTable {
  readonly #byHash = new Map<number, string>()

  /** @param words upper-case words */
  constructor(words: Iterable<string>) {
    for (const word of new Set(words)) {
      let hash = EMPTY_HASH
      for (let i = 0; i < word.length; i++) hash = extendHash(hash, fold(word.charCodeAt(i)))
      if (this.#byHash.has(hash)) throw new Error(`the word ${word} has the hash of another`)
      this.#byHash.set(hash, word)
    }
  }

  /** Returns the word of the table at this place in the text, ignoring case; empty if there is none. */
  find(text: string, start: number, end: number, hash: number): string {
    const word = this.#byHash.get(hash)
    if (word === undefined || word.length !== end - start) return ''
    for (let i = 0; i < word.length; i++) if (fold(text.charCodeAt(start + i)) !== fold(word.charCodeAt(i))) return ''
    return word
  }
}
