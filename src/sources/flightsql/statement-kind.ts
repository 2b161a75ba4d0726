import { bareText, type Token, tokensOf } from './statement-tokens.ts'

const list = (words: string) => new Set(words.split(' '))

const reading = list('SELECT WITH VALUES TABLE FROM SHOW DESCRIBE DESC SUMMARIZE PIVOT UNPIVOT')
const session = list('USE SET RESET BEGIN START COMMIT SAVEPOINT RELEASE')
const changes = list(
  'INSERT UPDATE DELETE MERGE UPSERT REPLACE CREATE DROP ALTER TRUNCATE RENAME COMMENT COPY LOAD INSTALL IMPORT EXPORT ATTACH DETACH GRANT REVOKE OPTIMIZE VACUUM ANALYZE REINDEX REFRESH CHECKPOINT ROLLBACK LOCK DO CALL EXEC EXECUTE',
)
/** What makes a change of a statement that begins as one that reads. */
const changing = list('INSERT UPDATE DELETE MERGE INTO')
const explained = list('INSERT UPDATE DELETE MERGE REPLACE')
/** What may stand between EXPLAIN and the statement that it explains. */
const explaining = list(
  'EXPLAIN ANALYZE ANALYSE VERBOSE QUERY PLAN FOR FORMAT TEXT JSON XML YAML TREE INDENT DOT GRAPHVIZ PGJSON LOGICAL PHYSICAL DISTRIBUTED EXTENDED FORMATTED CODEGEN COST COSTS TYPE INCLUDING EXCLUDING ALL ATTRIBUTES WITHOUT IMPLEMENTATION AS BUFFERS TIMING SETTINGS SUMMARY WAL ON OFF TRUE FALSE',
)
/** Pragmas that only tell: those of the first kind also with an argument in parentheses. */
const askingPragmas = list(
  'TABLE_INFO TABLE_XINFO TABLE_LIST INDEX_LIST INDEX_INFO INDEX_XINFO FOREIGN_KEY_LIST FOREIGN_KEY_CHECK INTEGRITY_CHECK QUICK_CHECK STORAGE_INFO',
)
const tellingPragmas = list(
  'APPLICATION_ID AUTO_VACUUM COLLATION_LIST COLLATIONS COMPILE_OPTIONS DATABASE_LIST DATABASE_SIZE DATA_VERSION ENCODING FOREIGN_KEYS FREELIST_COUNT FUNCTIONS FUNCTION_LIST JOURNAL_MODE MODULE_LIST PAGE_COUNT PAGE_SIZE PLATFORM PRAGMA_LIST SCHEMA_VERSION SHOW_DATABASES SHOW_TABLES SYNCHRONOUS USER_VERSION VERSION',
)

/** What follows a name, but none of the words of a change. */
const afterName = list(') , = < > + - * / | :')

/** What a statement does, as far as its words tell; one that is unknown may do anything, also nothing but be misspelled. */
export type StatementKind = 'read' | 'unknown' | 'change' | 'session'

/**
 * Tells from its words whether a statement changes data, or the session that it runs in. Only what is known to read counts
 * as reading. Of several statements the strictest counts, and where servers differ in what is quoted and what is a comment
 * nothing may be hidden in either.
 */
export function statementKind(sql: string): StatementKind {
  const { tokens, doubtfulFrom } = tokensOf(sql)
  const kinds = statementsOf(tokens).map(kindOf)
  if (kinds.includes('session')) return 'session'
  if (kinds.includes('change') || (doubtfulFrom !== undefined && mayHide(sql, tokens, doubtfulFrom))) return 'change'
  if (!kinds.includes('unknown')) return 'read'
  return kinds.length === 1 ? 'unknown' : 'change'
}

/** Whether the statement has places for parameters outside of literals and comments: `?`, `$1`, `$name`, `:name` or `@name`. */
export function hasParameters(sql: string): boolean {
  return /\?|\$\w|(?<![:\w]):[A-Za-z_]|(?<![@\w])@[A-Za-z_]/.test(bareText(sql))
}

/** The statements between semicolons, each without the parentheses that it begins with; empty ones are left out. */
function statementsOf(tokens: readonly Token[]): (readonly Token[])[] {
  const statements: Token[][] = [[]]
  for (const token of tokens) {
    const statement = statements.at(-1)!
    if (token.text === ';') statements.push([])
    else if (token.text !== '(' || statement.length > 0) statement.push(token)
  }
  return statements.filter((statement) => statement.length > 0)
}

function kindOf(statement: readonly Token[]): StatementKind {
  const [first, second] = statement
  const word = first!.kind === 'word' ? first!.text : ''
  if (session.has(word) || (word === 'ALTER' && second?.text === 'SESSION')) return 'session'
  if (word === 'EXPLAIN') return kindOfExplained(statement)
  if (word === 'PRAGMA') return kindOfPragma(statement.slice(1))
  if (!reading.has(word)) return changes.has(word) ? 'change' : 'unknown'
  return statement.some(isChange) ? 'change' : 'read'
}

/** To explain a statement is to read, if it is a query or changes rows and is not run for it (ANALYZE). */
function kindOfExplained(statement: readonly Token[]): StatementKind {
  const from = statement.findIndex(({ kind, text }) => kind === 'word' && !explaining.has(text))
  if (from < 0) return 'change'
  const options = statement.slice(0, from)
  const runs = options.some(({ kind, text }) => kind === 'quoted' || text === 'ANALYZE' || text === 'ANALYSE')
  const { text } = statement[from]!
  if (!runs && (reading.has(text) || explained.has(text))) return 'read'
  return kindOf(statement.slice(from))
}

function kindOfPragma(rest: readonly Token[]): StatementKind {
  // The name of a schema may stand before it.
  const [name, ...after] = rest[1]?.text === '.' ? rest.slice(2) : rest
  if (!name) return 'change'
  if (after.length === 0) return tellingPragmas.has(name.text) || askingPragmas.has(name.text) ? 'read' : 'change'
  return after[0]!.text === '(' && askingPragmas.has(name.text) ? 'read' : 'change'
}

/** Whether a word inside of a statement changes data: not when it is a name, a function, or locks what is read. */
function isChange({ kind, text }: Token, i: number, all: readonly Token[]): boolean {
  if (kind !== 'word' || !changing.has(text)) return false
  const [before, previous, next] = [all[i - 2], all[i - 1], all[i + 1]]
  // After a number the point belongs to that: 1.INTO.
  if (previous?.text === '.' && before && (before.kind !== 'other' || before.text === ']' || before.text === ')'))
    return false
  if (text === 'INTO') return true
  if (text !== 'UPDATE') return next !== undefined && !afterName.has(next.text) && next.text !== '('
  const locks = previous?.text === 'FOR' || (before?.text === 'NO' && previous?.text === 'KEY')
  return !locks && next !== undefined && !afterName.has(next.text)
}

/** Whether a text that servers read differently may be more for one of them than a single statement that reads. */
function mayHide(sql: string, tokens: readonly Token[], doubtfulFrom: number): boolean {
  const first = tokens.find(({ text }) => text !== '(')
  if (!first || first.at >= doubtfulFrom || first.text === 'PRAGMA') return true
  if (sql.trimEnd().replace(/;$/, '').includes(';')) return true
  return (sql.toUpperCase().match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []).some((word) => changing.has(word))
}
