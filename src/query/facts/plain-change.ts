import { type Call, type TextPass, TextReader } from '../text/text-pass.ts'
import type { SqlDialect } from './dialect.ts'
import { Lexer } from './lexer/lexer.ts'

/** A plain INSERT, UPDATE or DELETE of one table. */
export interface PlainChange {
  /** Name of the table by its parts, in lower case. */
  readonly table: readonly string[]
  /** Whether it also reads rows of the table: to find them, or to return them. */
  readonly isRead: boolean
  /** A query that reads the other tables which the statement reads; empty if there are none. */
  readonly rest: string
}

/** First words of plain changes, and the word before the name of their table. */
const beforeName: Readonly<Record<string, string>> = { INSERT: 'INTO', DELETE: 'FROM', UPDATE: 'UPDATE' }
/** Longer statements are not read. */
const MAX_CHARACTERS = 1 << 20

/** Characters that are read without a break. */
const PART_CHARACTERS = 4096

const readerOf = (dialect: SqlDialect) => new TextReader((sql) => new PlainChangePass(sql, dialect), PART_CHARACTERS)
const readers: Readonly<Record<SqlDialect, TextReader<PlainChange | undefined>>> = {
  duckdb: readerOf('duckdb'),
  bigquery: readerOf('bigquery'),
  dremio: readerOf('dremio'),
  standard: readerOf('standard'),
}

/**
 * Reads a plain INSERT, UPDATE or DELETE. Undefined for any other statement, and in doubt: with USING, which names tables at a place
 * of its own, and if another statement follows. Yields to the event loop while it reads a long one.
 * @throws the signal's reason
 */
export function plainChange(
  sql: string,
  dialect: SqlDialect,
  call?: Call,
): PlainChange | undefined | Promise<PlainChange | undefined> {
  return sql.length > MAX_CHARACTERS ? undefined : readers[dialect].read(sql, call)
}

/** One pass over a text, which ends early if it is no plain change. */
class PlainChangePass implements TextPass<PlainChange | undefined> {
  readonly #lexer: Lexer
  readonly #steps: Generator<void, PlainChange | undefined>
  #change: PlainChange | undefined
  #isDone = false

  constructor(sql: string, dialect: SqlDialect) {
    this.#lexer = new Lexer(sql, dialect)
    this.#steps = stepsOf(sql, dialect, this.#lexer)
  }

  get isDone(): boolean {
    return this.#isDone
  }

  advance(characters: number): void {
    const until = this.#lexer.at + characters
    while (!this.#isDone && this.#lexer.at < until) {
      const { done = false, value } = this.#steps.next()
      this.#isDone = done
      if (done) this.#change = value as PlainChange | undefined
    }
  }

  result(): PlainChange | undefined {
    return this.#change
  }
}

/** Reads the statement; yields after some tokens. */
function* stepsOf(sql: string, dialect: SqlDialect, lexer: Lexer): Generator<void, PlainChange | undefined> {
  const text = () => sql.slice(lexer.token.start, lexer.token.end)
  const word = () => (lexer.token.kind === 'word' ? text().toUpperCase() : '')
  if (!lexer.next()) return undefined
  const first = word()
  const last = beforeName[first]
  if (last === undefined || (first !== last && !(lexer.next() && word() === last)) || !lexer.next()) return undefined
  const table: string[] = []
  if (word() === 'ONLY') return undefined
  for (;;) {
    yield
    const part = partOf(lexer.token.kind, text())
    if (part === undefined) return undefined
    table.push(...(lexer.token.kind === 'name' && dialect === 'bigquery' ? part.split('.') : [part]))
    if (!lexer.next() || text() !== '.') break
    if (!lexer.next()) return undefined
  }
  if (lexer.fault || !mayFollowName(lexer.token.kind, text())) return undefined
  const from = lexer.token.start
  let isRead = first !== 'INSERT'
  if (first === 'INSERT' && !(yield* skipInsertHeader(lexer, sql))) return undefined
  const queryFrom = lexer.token.start
  let isOver = table.length === 0
  let hasTokens = queryFrom < sql.length && lexer.token.end > queryFrom
  while (hasTokens) {
    yield
    const sign = lexer.token.kind === 'symbol' ? text() : ''
    if (isOver && sign !== ';') return undefined
    if (sign === ';') isOver = true
    const upper = word()
    if (upper === 'USING' || upper === 'INTO') return undefined
    if (upper === 'RETURNING') isRead = true
    hasTokens = lexer.next()
  }
  if (lexer.fault) return undefined
  // What follows UPDATE t and DELETE FROM t reads like the end of a query.
  const rest =
    first === 'INSERT' ? sql.slice(queryFrom) : `SELECT 1 ${first === 'UPDATE' ? 'AS x, ' : ''}${sql.slice(from)}`
  return { table, isRead, rest }
}

/** Whether what follows the name of a table cannot belong to it, as dashes and digits may in BigQuery. */
function mayFollowName(kind: string, text: string): boolean {
  return kind === 'word' || text === '(' || text === ';' || text === ''
}

const beginsQuery = new Set(['SELECT', 'WITH', 'FROM', 'VALUES'])
const inHeader = new Set(['AS', 'BY', 'NAME', 'POSITION', 'OVERRIDING', 'SYSTEM', 'USER', 'VALUE', 'DEFAULT'])

/**
 * Goes from behind the name of an INSERT to the first word of its query. In between it knows an alias, one list of columns, BY NAME,
 * OVERRIDING and DEFAULT; in parentheses there could be a query.
 * @returns false if anything else stands there
 */
function* skipInsertHeader(lexer: Lexer, sql: string): Generator<void, boolean> {
  const text = () => sql.slice(lexer.token.start, lexer.token.end)
  const isName = () => lexer.token.kind === 'word' || lexer.token.kind === 'name'
  for (let isAlias = false; ; ) {
    yield
    const word = lexer.token.kind === 'word' ? text().toUpperCase() : ''
    if (!isAlias && beginsQuery.has(word)) return true
    if (text() === '(') {
      do {
        yield
        if (!lexer.next() || !isName() || !lexer.next()) return false
        while (text() === '.') {
          yield
          if (!lexer.next() || !isName() || !lexer.next()) return false
        }
      } while (text() === ',')
      if (text() !== ')') return false
    } else if (!(isAlias && isName()) && !inHeader.has(word)) return false
    isAlias = word === 'AS'
    if (!lexer.next()) return false
  }
}

function partOf(kind: string, text: string): string | undefined {
  if (kind === 'word') return text.toLowerCase()
  return kind === 'name' ? text.slice(1, -1).replaceAll('""', '"').toLowerCase() : undefined
}
