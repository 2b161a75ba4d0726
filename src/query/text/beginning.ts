/** The first characters of a text, as a string of its own: a slice would keep the whole text in memory. */
export function beginningOf(text: string, maxCharacters: number): string {
  return text.length <= maxCharacters ? text : Buffer.from(text.slice(0, maxCharacters), 'utf16le').toString('utf16le')
}
