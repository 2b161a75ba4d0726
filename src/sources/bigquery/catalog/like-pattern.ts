/** A LIKE pattern with `\` as escape, as Flight SQL filters names. An escape at the end of the pattern stands for itself. */
export class LikePattern {
  /** The only name that matches; undefined if the pattern has wildcards. */
  readonly literal: string | undefined
  /** Code points to match; `%` and `_` outside escapes are the wildcards. */
  readonly #items: readonly (string | typeof anyText | typeof anyCharacter)[]

  constructor(pattern: string) {
    const items: (string | typeof anyText | typeof anyCharacter)[] = []
    const characters = [...pattern]
    for (let i = 0; i < characters.length; i++) {
      const character = characters[i]!
      if (character === '\\' && i + 1 < characters.length) items.push(characters[++i]!)
      else if (character === '%') items.push(anyText)
      else items.push(character === '_' ? anyCharacter : character)
    }
    this.#items = items
    this.literal = items.every((item) => typeof item === 'string') ? items.join('') : undefined
  }

  /** Whether a name matches, in time proportional to the lengths of name and pattern. */
  matches(name: string): boolean {
    const items = this.#items
    const characters = [...name]
    let [at, item, textItem, textAt] = [0, 0, -1, 0]
    while (at < characters.length) {
      const wanted = items[item]
      if (wanted === anyText) {
        textItem = item++
        textAt = at
      } else if (wanted === anyCharacter || wanted === characters[at]) {
        item++
        at++
      } else if (textItem >= 0) {
        // Let the last `%` take one more character. Earlier ones need not change.
        item = textItem + 1
        at = ++textAt
      } else return false
    }
    while (items[item] === anyText) item++
    return item === items.length
  }
}

const anyText = Symbol('%')
const anyCharacter = Symbol('_')
