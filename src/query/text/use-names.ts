import { TokenPass, type TokenVisitor } from './token-pass.ts'
import { WordTable } from './word-table.ts'

const words = new WordTable(['USE'])
const [upperU, lowerU, upperA, lowerZ, minus, dot, semicolon] = [0x55, 0x75, 0x41, 0x7a, 0x2d, 0x2e, 0x3b]
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
  /** End offset of the first part if it stands without quotes: a dash that follows belongs to it, as in BigQuery's projects. */
  #plainEnd = -1
  #isAfterDash = false

  constructor(text: string) {
    this.#text = text
  }

  get isSatisfied(): boolean {
    return this.#next === 'nothing'
  }

  names(): readonly string[] | undefined {
    const isWhole = (this.#next === 'point' && !this.#isAfterDash) || this.#next === 'over'
    return isWhole ? this.#parts : undefined
  }

  onWord(start: number, end: number, hash: number): void {
    if (this.#next === 'use' && words.find(this.#text, start, end, hash) === 'USE') this.#next = 'part'
    else if (!this.#goesOn(start, end)) {
      if (this.#next === 'part' && this.#parts.length === 0) this.#plainEnd = end
      this.#takePart(this.#text.slice(start, end))
    }
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

  onNumber(start: number): void {
    const end = start + /^\d*/.exec(this.#text.slice(start))![0].length
    if (!this.#goesOn(start, end)) this.#next = 'nothing'
  }

  onSymbol(codePoint: number, at: number): void {
    const isDash = this.#next === 'point' && codePoint === minus && at === this.#plainEnd
    if (this.#isAfterDash) this.#next = 'nothing'
    else if (isDash) this.#continue('-')
    else if (this.#next === 'point' && codePoint === dot) this.#next = 'part'
    else if (this.#next === 'point' && codePoint === semicolon) this.#next = 'over'
    else this.#next = 'nothing'
  }

  onDoubt(): void {}

  /** Continues a first part that has a dash, or digits after one. @returns false if this token is none of that */
  #goesOn(start: number, end: number): boolean {
    const isNext = start === this.#plainEnd && (this.#isAfterDash || this.#parts[0]?.includes('-') === true)
    if (isNext && this.#next === 'point') this.#continue(this.#text.slice(start, end))
    return isNext
  }

  #continue(text: string): void {
    this.#parts[0] += text
    this.#plainEnd += text.length
    this.#isAfterDash = text === '-'
  }

  #takePart(text: string): void {
    if (this.#next === 'part') this.#parts.push(text)
    this.#next = this.#next === 'part' ? 'point' : 'nothing'
  }
}
