const changing = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'UPSERT',
  'REPLACE',
  'CREATE',
  'DROP',
  'ALTER',
  'TRUNCATE',
  'COPY',
  'GRANT',
  'REVOKE',
  'OPTIMIZE',
  'VACUUM',
  'ANALYZE',
  'REFRESH',
  'ROLLBACK',
  'CALL',
])
const session = new Set(['USE', 'SET', 'RESET', 'BEGIN', 'START', 'COMMIT', 'SAVEPOINT', 'RELEASE'])

/** What a statement does, as far as its words tell. */
export type StatementKind = 'read' | 'change' | 'session'

/**
 * Tells from its first words whether a statement changes data, or the session that it runs in. A WITH counts as what
 * follows it; what cannot be told counts as a change.
 */
export function statementKind(sql: string): StatementKind {
  const [first = '', second = ''] = words(sql)
  if (session.has(first) || (first === 'ALTER' && second === 'SESSION')) return 'session'
  if (changing.has(first)) return 'change'
  if (first === 'WITH' || first === 'EXPLAIN')
    return words(sql).some((word) => changing.has(word) && word !== 'REPLACE' && word !== 'CALL') ? 'change' : 'read'
  return 'read'
}

/** The bare words of a statement, upper case, without comments, quoted names and literals. */
function words(sql: string): string[] {
  const bare = sql
    .replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`/g, ' quoted ')
    .replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ')
  return bare.toUpperCase().match(/[A-Z_]+/g) ?? []
}

/** Whether the statement has places for parameters outside of literals and comments: `?`, `$1`, `$name`, `:name` or `@name`. */
export function hasParameters(sql: string): boolean {
  const bare = sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`/g, ' ').replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ')
  return /\?|\$\w|(?<![:\w]):[A-Za-z_]|(?<![@\w])@[A-Za-z_]/.test(bare)
}
