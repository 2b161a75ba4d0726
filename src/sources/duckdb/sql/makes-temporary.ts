import { type Call, type TextPass, TextReader } from '../../../query/text/text-pass.ts'
import { TokenPass, type TokenVisitor } from '../../../query/text/token-pass.ts'
import { WordTable } from '../../../query/text/word-table.ts'

const table = new WordTable(['CREATE', 'OR', 'REPLACE', 'TEMP', 'TEMPORARY'])
const temporaryBeginnings: ReadonlySet<string> = new Set(
  ['CREATE', 'CREATE OR REPLACE'].flatMap((create) => [`${create} TEMP`, `${create} TEMPORARY`]),
)
const MAX_WORDS = 4

const statements = new TextReader((text) => new FirstWordsPass(text))

/**
 * Whether a statement begins like one that creates a temporary object, ignoring comments.
 * @throws the signal's reason
 */
export function makesTemporary(sql: string, call?: Call): boolean | Promise<boolean> {
  return statements.read(sql, call)
}

/** The first words of a statement. */
class FirstWords implements TokenVisitor {
  readonly words: string[] = []
  isSatisfied = false
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  get isTemporary(): boolean {
    return temporaryBeginnings.has(this.words.join(' '))
  }

  onWord(start: number, end: number, hash: number): void {
    if (this.isSatisfied) return
    const word = table.find(this.#text, start, end, hash)
    this.words.push(word)
    this.isSatisfied = word === '' || this.isTemporary || this.words.length === MAX_WORDS
  }

  onQuoted(): void {
    this.isSatisfied = true
  }

  onNumber(): void {
    this.isSatisfied = true
  }

  onSymbol(): void {
    this.isSatisfied = true
  }

  onDoubt(): void {}
}

class FirstWordsPass implements TextPass<boolean> {
  readonly #firstWords: FirstWords
  readonly #tokens: TokenPass

  constructor(text: string) {
    this.#firstWords = new FirstWords(text)
    this.#tokens = new TokenPass(text, this.#firstWords, { nestedComments: true })
  }

  get isDone(): boolean {
    return this.#tokens.isDone
  }

  advance(characters: number): void {
    this.#tokens.advance(characters)
  }

  result(): boolean {
    return this.#firstWords.isTemporary
  }
}
