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

/**
 * Reads a plain INSERT, UPDATE or DELETE. Undefined for any other statement, and in doubt: with USING, which names tables at a place
 * of its own, and if another statement follows.
 */
export function plainChange(sql: string, dialect: SqlDialect): PlainChange | undefined {
  if (sql.length > MAX_CHARACTERS) return undefined
  const lexer = new Lexer(sql, dialect)
  const text = () => sql.slice(lexer.token.start, lexer.token.end)
  const word = () => (lexer.token.kind === 'word' ? text().toUpperCase() : '')
  if (!lexer.next()) return undefined
  const first = word()
  const last = beforeName[first]
  if (last === undefined || (first !== last && !(lexer.next() && word() === last)) || !lexer.next()) return undefined
  const table: string[] = []
  if (word() === 'ONLY') return undefined
  for (;;) {
    const part = partOf(lexer.token.kind, text())
    if (part === undefined) return undefined
    table.push(...(lexer.token.kind === 'name' && dialect === 'bigquery' ? part.split('.') : [part]))
    if (!lexer.next() || text() !== '.') break
    if (!lexer.next()) return undefined
  }
  if (lexer.fault || !mayFollowName(lexer.token.kind, text())) return undefined
  const from = lexer.token.start
  let isRead = first !== 'INSERT'
  if (first === 'INSERT' && !skipInsertHeader(lexer, sql)) return undefined
  const queryFrom = lexer.token.start
  let isOver = table.length === 0
  let hasTokens = queryFrom < sql.length && lexer.token.end > queryFrom
  while (hasTokens) {
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
function skipInsertHeader(lexer: Lexer, sql: string): boolean {
  const text = () => sql.slice(lexer.token.start, lexer.token.end)
  const isName = () => lexer.token.kind === 'word' || lexer.token.kind === 'name'
  for (let isAlias = false; ; ) {
    const word = lexer.token.kind === 'word' ? text().toUpperCase() : ''
    if (!isAlias && beginsQuery.has(word)) return true
    if (text() === '(') {
      do {
        if (!lexer.next() || !isName() || !lexer.next()) return false
        while (text() === '.') if (!lexer.next() || !isName() || !lexer.next()) return false
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
