import { TokenPass, type TokenVisitor } from './token-pass.ts'
import { WordTable } from './word-table.ts'

const words = new WordTable(['USE'])
const [upperU, lowerU, upperA, lowerZ, dot, semicolon] = [0x55, 0x75, 0x41, 0x7a, 0x2e, 0x3b]
/** A longer statement is not read as USE, even if most of it is comments. */
const MAX_CHARACTERS = 4096

/** Returns the parts of the name in a statement `USE name`, without quotes; undefined for any other statement. */
export function readUse(sql: string): readonly string[] | undefined {
  const first = sql.charCodeAt(0)
  const isOther = first >= upperA && first <= lowerZ && first !== upperU && first !== lowerU
  if (isOther || sql.length > MAX_CHARACTERS) return undefined
  const visitor = new UseVisitor(sql)
  const pass = new TokenPass(sql, visitor)
  while (!pass.isDone) pass.advance(sql.length)
  return visitor.names()
}

/** Parses USE, a name with one or more parts, and an optional semicolon. */
class UseVisitor implements TokenVisitor {
  readonly #text: string
  readonly #parts: string[] = []
  /** Expected next: USE, a part, or a dot or the end (`point`); `over` after a semicolon, `nothing` in another statement. */
  #next: 'use' | 'part' | 'point' | 'over' | 'nothing' = 'use'
  /** End offset of a quoted part; a quoted token that starts there continues it. */
  #quotedEnd = -1

  constructor(text: string) {
    this.#text = text
  }

  get isSatisfied(): boolean {
    return this.#next === 'nothing'
  }

  names(): readonly string[] | undefined {
    return this.#next === 'point' || this.#next === 'over' ? this.#parts : undefined
  }

  onWord(start: number, end: number, hash: number): void {
    if (this.#next === 'use' && words.find(this.#text, start, end, hash) === 'USE') this.#next = 'part'
    else this.#takePart(this.#text.slice(start, end))
  }

  onQuoted(start: number): void {
    const mark = this.#text[start]!
    const end = this.#text.indexOf(mark, start + 1) + 1
    const text = this.#text.slice(start + 1, end - 1)
    if (mark === "'") this.#next = 'nothing'
    else if (this.#quotedEnd === start) this.#parts.push(`${this.#parts.pop()}${mark}${text}`)
    else this.#takePart(text)
    this.#quotedEnd = end
  }

  onNumber(): void {
    this.#next = 'nothing'
  }

  onSymbol(codePoint: number): void {
    if (this.#next === 'point' && codePoint === dot) this.#next = 'part'
    else if (this.#next === 'point' && codePoint === semicolon) this.#next = 'over'
    else this.#next = 'nothing'
  }

  onDoubt(): void {}

  #takePart(text: string): void {
    if (this.#next === 'part') this.#parts.push(text)
    this.#next = this.#next === 'part' ? 'point' : 'nothing'
  }
}
