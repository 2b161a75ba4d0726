import { type Call, type TextPass, TextReader } from './text-pass.ts'
import { TokenPass, type TokenVisitor } from './token-pass.ts'

/** Why a text cannot stand in parentheses as a condition: a part of a sentence about it; undefined if it can. */
export type ConditionFault = string | undefined

const [openParenthesis, closeParenthesis, semicolon, openBracket, closeBracket] = [0x28, 0x29, 0x3b, 0x5b, 0x5d]
const backtick = 0x60
/** `"`, `'` and the backtick. */
const quotes: ReadonlySet<number> = new Set([0x22, 0x27, 0x60])
const MAX_EXCERPT_CHARACTERS = 20
/** Deeper nesting is refused. */
const MAX_DEPTH = 1000

const conditions = new TextReader((text) => new ConditionPass(text, false))
const conditionsWithBackticks = new TextReader((text) => new ConditionPass(text, true))

/**
 * Whether a text stays within the parentheses that the gateway puts around it: its own parentheses and brackets are balanced, it
 * has no semicolon, and its quotes and comments end. Refuses text that servers read differently, since one of them could see a
 * parenthesis where another sees a literal. It does not check that the text is a condition: the engine does.
 * @param quote what the dialect of the source quotes names with; a name in backticks is refused elsewhere
 * @throws the signal's reason
 */
export async function faultOfCondition(text: string, call: Call, quote = '"'): Promise<ConditionFault> {
  return await (quote === '`' ? conditionsWithBackticks : conditions).read(text, call)
}

class ConditionPass implements TextPass<ConditionFault>, TokenVisitor {
  readonly #text: string
  readonly #backticks: boolean
  readonly #tokens: TokenPass
  /** The open parentheses and brackets, by what closes them. */
  readonly #open: number[] = []
  /** Number of open brackets, and the offset of the outermost one. */
  #brackets = 0
  #bracketAt = 0
  /** Number of closing brackets since the outermost open one. */
  #closed = 0
  #fault: ConditionFault

  constructor(text: string, backticks: boolean) {
    this.#text = text
    this.#backticks = backticks
    this.#tokens = new TokenPass(text, this)
  }

  get isSatisfied(): boolean {
    return this.#fault !== undefined
  }

  get isDone(): boolean {
    return this.#tokens.isDone
  }

  advance(characters: number): void {
    this.#tokens.advance(characters)
    if (this.isDone && this.#open.length > 0) this.#fault ??= 'has a parenthesis that is not closed'
  }

  result(): ConditionFault {
    return this.#fault
  }

  onWord(): void {}

  onNumber(): void {}

  onQuoted(): void {}

  onSymbol(codePoint: number, at: number): void {
    if (quotes.has(codePoint)) this.#fault = 'has a quote that is not closed'
    else if (codePoint === semicolon) this.#fault ??= 'has a semicolon'
    else if (codePoint === openParenthesis) this.#begin(closeParenthesis)
    else if (codePoint === openBracket) {
      if (this.#brackets++ === 0) [this.#bracketAt, this.#closed] = [at, 0]
      this.#begin(closeBracket)
    } else if (codePoint === closeParenthesis || codePoint === closeBracket) this.#end(codePoint, at)
  }

  onDoubt(at: number): void {
    // A bracket begins a subscript or a list; `#end` checks what is in it.
    const code = this.#text.charCodeAt(at)
    if (code === openBracket || (code === backtick && this.#backticks && this.#isPlainName(at))) return
    const from = this.#text.slice(at, at + MAX_EXCERPT_CHARACTERS)
    this.#fault ??= `has a quote, comment or sign that servers read differently, at ${JSON.stringify(from)}`
  }

  /** Whether a name in backticks ends and holds no backslash, which escapes a backtick in BigQuery and not in MySQL. */
  #isPlainName(at: number): boolean {
    const end = this.#text.indexOf('`', at + 1)
    return end > at + 1 && !/[\\\r\n]/.test(this.#text.slice(at, end))
  }

  #begin(closedBy: number): void {
    if (this.#open.length >= MAX_DEPTH) this.#fault ??= `is nested more than ${MAX_DEPTH} levels deep`
    else this.#open.push(closedBy)
  }

  #end(codePoint: number, at: number): void {
    if (this.#open.pop() !== codePoint) this.#fault ??= 'closes a parenthesis that it has not opened'
    if (codePoint !== closeBracket) return
    this.#closed++
    if (--this.#brackets > 0) return
    // Some servers quote names with brackets. There, the first closing bracket ends the name, also one in a literal.
    let written = 0
    for (let i = this.#bracketAt; i <= at; i++) if (this.#text.charCodeAt(i) === closeBracket) written++
    if (written !== this.#closed) this.#fault ??= 'has a literal with a bracket within brackets'
  }
}
