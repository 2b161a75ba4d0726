/** Class of a character in SQL text. */
export const CharacterClass = { space: 1, letter: 2, digit: 3, number: 4, dollar: 5, symbol: 6 } as const
export type CharacterClass = (typeof CharacterClass)[keyof typeof CharacterClass]

const CODE_POINTS = 0x110000
/** Class by code point, filled lazily; 0 means not classified yet. */
const known = new Uint8Array(CODE_POINTS)

/**
 * Returns the class of a code point: white space, a letter or `_`, an ASCII digit, another number, `$`, or anything else. After
 * the first use of a code point, this is a table look-up.
 */
export function characterClass(codePoint: number): CharacterClass {
  const found = known[codePoint]!
  if (found !== 0) return found as CharacterClass
  const classified = classify(String.fromCodePoint(codePoint))
  known[codePoint] = classified
  return classified
}

function classify(character: string): CharacterClass {
  if (/\s/u.test(character)) return CharacterClass.space
  if (/[\p{L}_]/u.test(character)) return CharacterClass.letter
  if (/[0-9]/u.test(character)) return CharacterClass.digit
  if (/\p{N}/u.test(character)) return CharacterClass.number
  return character === '$' ? CharacterClass.dollar : CharacterClass.symbol
}
