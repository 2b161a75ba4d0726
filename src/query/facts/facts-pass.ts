import type { TextPass } from '../text/text-pass.ts'
import type { SqlDialect } from './dialect.ts'
import { Lexer } from './lexer/lexer.ts'
import type { CacheObstacle } from './statement-facts.ts'
import { StatementReader } from './statement-reader.ts'

/** What the text of a statement tells, whatever the session. */
export interface TextFacts {
  /** The first of `obstacles`. */
  readonly obstacle?: CacheObstacle
  readonly obstacles: readonly CacheObstacle[]
  readonly canonical: string
  /** Names of tables and views by their parts, in lower case. */
  readonly tables: readonly (readonly string[])[]
  /** Functions that it calls, in upper case. */
  readonly calls: ReadonlySet<string>
  /** Whether running it, as a read, may still change data: it calls a function that the gateway does not know, or is no query. */
  readonly mayHaveEffects: boolean
}

/** What the text of a statement tells, by what operators have declared. */
export interface ReadFacts {
  /** If the functions of `unknownCalls` are as good as known ones. */
  readonly facts: TextFacts
  /** Functions that the gateway does not know, in upper case, as they are written. */
  readonly unknownCalls: ReadonlySet<string>
  /** If they are not; the same as `facts` if there are none. */
  readonly asUnknown: TextFacts
}

/** No gap is needed beside these. */
const apart: ReadonlySet<string> = new Set(['(', ')', ','])

/**
 * Reads a statement once: its canonical text, its tables and functions. The canonical text has one space for each comment and each
 * run of white space, and none beside parentheses and commas, so two statements with the same one have the same tokens. Engines
 * of the dialect `standard` may name columns after the text, so there only the ends of the statement are cut.
 */
export class FactsPass implements TextPass<ReadFacts> {
  readonly #text: string
  readonly #lexer: Lexer
  readonly #reader: StatementReader
  readonly #isVerbatim: boolean
  readonly #pieces: string[] = []
  /** Start of the part of the text that goes into the next piece; -1 before the first token. */
  #from = -1
  #end = 0
  /** Number of pieces, and end of the last of them, up to the last token that is no semicolon. */
  #last = { pieces: 0, from: 0, end: 0 }
  #isDone = false

  constructor(text: string, dialect: SqlDialect) {
    this.#text = text
    this.#lexer = new Lexer(text, dialect)
    this.#reader = new StatementReader(text, dialect)
    this.#isVerbatim = dialect === 'standard'
  }

  get isDone(): boolean {
    return this.#isDone
  }

  advance(characters: number): void {
    const until = this.#lexer.at + characters
    while (this.#lexer.at < until)
      if (this.#lexer.next()) this.#take()
      else {
        this.#isDone = true
        this.#reader.end()
        return
      }
  }

  result(): ReadFacts {
    const { fault } = this.#lexer
    const obstacle = fault ? 'unreadable' : this.#reader.findings.obstacle
    const { tables, calls, findings } = this.#reader
    const facts: TextFacts = {
      ...(obstacle && { obstacle }),
      obstacles: fault ? (['unreadable'] as const) : [...findings.obstacles],
      canonical: fault ? this.#text : this.#canonical(),
      tables,
      calls,
      mayHaveEffects: fault !== undefined || findings.mayHaveEffects,
    }
    const { unknownCalls, mayCallsHaveEffects } = findings
    if (unknownCalls.size === 0) return { facts, unknownCalls, asUnknown: facts }
    const mayHaveEffects = facts.mayHaveEffects || mayCallsHaveEffects
    const obstacles = ['unknown-function' as const, ...facts.obstacles]
    return { facts, unknownCalls, asUnknown: { obstacle: 'unknown-function', ...facts, obstacles, mayHaveEffects } }
  }

  #take(): void {
    const { token } = this.#lexer
    const { start, end, hasGap } = token
    if (this.#from < 0) this.#from = start
    else if (hasGap && !this.#isVerbatim) {
      const text = this.#text
      const isNeedless = apart.has(text[this.#end - 1]!) || apart.has(text[start]!)
      const isPlain = !isNeedless && start === this.#end + 1 && text[this.#end] === ' '
      if (!isPlain) {
        this.#pieces.push(text.slice(this.#from, this.#end), isNeedless ? '' : ' ')
        this.#from = start
      }
    }
    this.#end = end
    if (token.kind !== 'symbol' || this.#text[start] !== ';')
      this.#last = { pieces: this.#pieces.length, from: this.#from, end }
    this.#reader.take(token)
  }

  #canonical(): string {
    const { pieces, from, end } = this.#last
    return this.#pieces.slice(0, pieces).join('') + this.#text.slice(from, end)
  }
}
