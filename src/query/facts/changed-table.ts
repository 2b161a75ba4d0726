import type { SqlDialect } from './dialect.ts'
import { Lexer } from './lexer/lexer.ts'

/** First words of plain changes, and the word before the name of their table. */
const beforeName: Readonly<Record<string, string>> = { INSERT: 'INTO', MERGE: 'INTO', DELETE: 'FROM', UPDATE: 'UPDATE' }
/** Between the two stand at most `OR REPLACE`. */
const MAX_BETWEEN = 2
/** Longer statements are not read. */
const MAX_CHARACTERS = 64 << 10

/**
 * Returns the last part of the name of the only table that a plain INSERT, UPDATE, DELETE or MERGE changes, in lower case; undefined
 * for any other statement, and in doubt.
 */
export function changedTable(sql: string, dialect: SqlDialect): string | undefined {
  if (sql.length > MAX_CHARACTERS) return undefined
  const lexer = new Lexer(sql, dialect)
  const wordAt = () => sql.slice(lexer.token.start, lexer.token.end).toUpperCase()
  if (!lexer.next() || lexer.token.kind !== 'word') return undefined
  const last = beforeName[wordAt()]
  if (last === undefined) return undefined
  for (let skipped = 0; wordAt() !== last; skipped++)
    if (!lexer.next() || lexer.token.kind !== 'word' || skipped > MAX_BETWEEN) return undefined
  const name = nameAt(sql, lexer)
  // A further statement may change anything.
  let isOver = false
  do {
    const isSemicolon = sql[lexer.token.start] === ';'
    if (isOver && !isSemicolon) return undefined
    isOver ||= isSemicolon
  } while (lexer.next())
  return lexer.fault ? undefined : name
}

/** Reads a qualified name, and the token after it; returns its last part. */
function nameAt(sql: string, lexer: Lexer): string | undefined {
  let name: string | undefined
  while (lexer.next()) {
    const { kind, start, end } = lexer.token
    const text = sql.slice(start, end)
    if (name === undefined && kind === 'word' && text.toUpperCase() === 'ONLY') continue
    if (kind === 'word') name = text.toLowerCase()
    else if (kind === 'name') name = text.slice(1, -1).replaceAll('""', '"').toLowerCase()
    else return undefined
    if (!lexer.next() || sql[lexer.token.start] !== '.' || lexer.token.end !== lexer.token.start + 1) return name
  }
  return undefined
}
