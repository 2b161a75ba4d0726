/** Longest text that is analysed, in UTF-16 units. */
export const MAX_TEXT_LENGTH = 100_000
/** Deepest nesting of brackets that is analysed. The parser recurses: 3,000 parentheses overflow its stack. */
export const MAX_NESTING = 200

/** Whether a text may be given to the parser. Brackets within strings and comments count as well. */
export function isAnalysable(sql: string): boolean {
  if (sql.length > MAX_TEXT_LENGTH) return false
  let depth = 0
  for (let at = 0; at < sql.length; at++) {
    const code = sql.charCodeAt(at)
    if (code === 0x28 || code === 0x5b || code === 0x7b) {
      if (++depth > MAX_NESTING) return false
    } else if ((code === 0x29 || code === 0x5d || code === 0x7d) && depth > 0) depth--
  }
  return true
}
