import type { CacheObstacle } from './statement-facts.ts'

const mayHideEffects: ReadonlySet<CacheObstacle> = new Set(['external-data', 'not-a-query', 'unreadable'])
/** First words of statements that change no data, unless EXPLAIN runs a statement. */
const telling = new Set(['SHOW', 'DESCRIBE', 'DESC', 'SUMMARIZE', 'EXPLAIN', 'USE', 'SET', 'RESET'])

/** What a statement has that matters to the cache. */
export class Findings {
  /** The first obstacle besides functions that the gateway does not know. */
  obstacle: CacheObstacle | undefined
  /** All obstacles besides functions that the gateway does not know. */
  readonly obstacles = new Set<CacheObstacle>()
  /** Functions that the gateway does not know, in upper case. */
  readonly unknownCalls = new Set<string>()
  /** Whether running the statement may change data, although it is planned as a read; apart from unknown functions. */
  mayHaveEffects = false
  /** Whether running the unknown functions may change data. */
  mayCallsHaveEffects = false
  /** Whether the statement only tells about the engine, or sets options of the session. */
  #onlyTells = false

  /** @param word the first one of the statement, in upper case */
  begin(word: string): void {
    this.#onlyTells = telling.has(word)
  }

  /** @param word any of the statement, in upper case: `EXPLAIN ANALYZE` runs what it explains */
  see(word: string): void {
    if (!this.#onlyTells || (word !== 'ANALYZE' && word !== 'ANALYSE')) return
    this.#onlyTells = false
    this.mayHaveEffects = true
  }

  meet(obstacle: CacheObstacle | undefined): void {
    this.obstacle ??= obstacle
    if (obstacle !== undefined) this.obstacles.add(obstacle)
    if (obstacle !== undefined && mayHideEffects.has(obstacle)) this.mayHaveEffects ||= !this.#onlyTells
  }

  /** @param obstacle what a call of the function means */
  meetCall(name: string, obstacle: CacheObstacle | undefined): void {
    if (obstacle !== 'unknown-function') {
      this.meet(obstacle)
      return
    }
    this.unknownCalls.add(name)
    this.mayCallsHaveEffects ||= !this.#onlyTells
  }

  /** A further statement follows. */
  meetOther(): void {
    this.meet('not-a-query')
    this.mayHaveEffects = true
  }
}

const pipeWrites = /^(EXPORT|INSERT|CREATE|UPDATE|DELETE|MERGE|CALL)$/
const lockWords = /^(UPDATE|SHARE|NO|KEY)$/

/** Where a word stands. */
export interface WordPlace {
  /** The word or sign before it. */
  readonly previous: string
  /** Whether `|>` stands before it. */
  readonly isPiped: boolean
  /** Whether it stands in a list of tables. */
  readonly inTables: boolean
}

/** What an unquoted word that begins no name means for the cache. @param word in upper case */
export function obstacleOfKeyword(word: string, { previous, isPiped, inTables }: WordPlace): CacheObstacle | undefined {
  if (word === 'INTO' || (previous === 'FOR' && lockWords.test(word)) || (isPiped && pipeWrites.test(word)))
    return 'not-a-query'
  if (word === 'TABLESAMPLE' || (word === 'SAMPLE' && (previous === 'USING' || inTables))) return 'sample'
  const isNoise = word === 'DIFFERENTIAL_PRIVACY' || word === 'ANONYMIZATION'
  if (previous === 'CURRENT' && /^(DATE|TIME|TIMESTAMP)$/.test(word)) return 'volatile-function'
  if (previous === 'CURRENT' && /^(TIMEZONE|SCHEMA|PATH|ROLE|SQLID)$/.test(word)) return 'session-state'
  if (isNoise || (word === 'VALUE' && (previous === 'NEXT' || previous === 'CURRENT'))) return 'volatile-function'
  return undefined
}

const wholeNumber =
  /^(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][\d_]*)?(?:[lLdDfF]|[bB][dD])?)$/

/** Whether a token that begins with a digit is one number, and no word follows it without a space. */
export function isWholeNumber(written: string): boolean {
  return wholeNumber.test(written)
}

const relativeTime = /^'[\s\d:.,+/-]*(now|today|tomorrow|yesterday)[\s\d:.,+/-]*([a-z]{1,5})?'/i

/** Whether a literal stands for the current time when an engine makes a time of it, as 'now' and 'tomorrow'. */
export function isRelativeTime(literal: string): boolean {
  return relativeTime.test(literal)
}
