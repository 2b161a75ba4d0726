import { WordTable } from '../../../query/text/word-table.ts'

const list = (words: string): ReadonlySet<string> => new Set(words.split(' '))

const reading = list('SELECT WITH VALUES TABLE FROM SHOW DESCRIBE DESC SUMMARIZE PIVOT UNPIVOT')
const session = list('USE SET RESET BEGIN START COMMIT SAVEPOINT RELEASE')
const changes = list(
  'INSERT UPDATE DELETE MERGE UPSERT REPLACE CREATE DROP ALTER TRUNCATE RENAME COMMENT COPY LOAD INSTALL IMPORT EXPORT ATTACH DETACH GRANT REVOKE OPTIMIZE VACUUM ANALYZE REINDEX REFRESH CHECKPOINT ROLLBACK LOCK DO CALL EXEC EXECUTE',
)
/** What makes a change of a statement that begins as one that reads. */
export const changing = list('INSERT UPDATE DELETE MERGE INTO')
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
const others = list('PRAGMA SESSION KEY NO')

const all = [reading, session, changes, changing, explained, explaining, askingPragmas, tellingPragmas, others]
/** The words that tell what a statement does. */
export const kindWords = new WordTable(all.flatMap((words) => [...words]))

/** What a statement does, as far as its words tell; one that is unknown may do anything, also nothing but be misspelled. */
export type StatementKind = 'read' | 'unknown' | 'change' | 'session'

/** A token as `StatementKinds` takes it; there is one object for each that differs. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'other'
  /** One of the `kindWords`, or a character; empty for all else. */
  readonly text: string
}

/**
 * Tells from the words of statements, as they come, whether they change data or the session that they run in. Only what is
 * known to read counts as reading.
 */
export class StatementKinds {
  /** The kinds of the statements so far. */
  readonly kinds = new Set<StatementKind>()
  /** How many statements there are; empty ones do not count. */
  count = 0
  #step: 'begins' | 'alters' | 'explains' | 'pragma' | 'reads' | 'known' = 'begins'
  #kind: StatementKind = 'unknown'
  /** Whether an EXPLAIN has the statement run. */
  #runs = false
  #pragma: Token[] = []
  /** The last tokens of a statement that reads. */
  #before: Token | undefined
  #previous: Token | undefined
  /** The previous token is a word of changes, unless what follows makes it a name. */
  #mayChange: 'UPDATE' | 'other' | undefined

  /** The next token of the text. */
  take(token: Token): void {
    if (token.text === ';' && token.kind === 'other') this.endStatement()
    else this.#take(token)
  }

  /** A statement ends, also the last one with the text. */
  endStatement(): void {
    if (this.#step === 'begins') return
    // ALTER without anything, EXPLAIN of nothing.
    if (this.#step === 'alters' || this.#step === 'explains') this.#kind = 'change'
    else if (this.#step === 'pragma') this.#kind = kindOfPragma(this.#pragma)
    this.kinds.add(this.#kind)
    this.count++
    this.#step = 'begins'
  }

  #take(token: Token): void {
    switch (this.#step) {
      case 'begins':
        // Parentheses that a statement begins with tell nothing.
        if (token.text !== '(') this.#begin(token)
        return
      case 'alters':
        this.#know(token.text === 'SESSION' ? 'session' : 'change')
        return
      case 'explains':
        this.#explain(token)
        return
      case 'pragma':
        // The name of a schema, a point, a name, and what follows it.
        if (this.#pragma.length < 4) this.#pragma.push(token)
        return
      case 'reads':
        this.#read(token)
        return
      default:
    }
  }

  #begin(token: Token): void {
    const text = token.kind === 'word' ? token.text : ''
    if (session.has(text)) this.#know('session')
    else if (text === 'ALTER') this.#step = 'alters'
    else if (text === 'EXPLAIN') {
      this.#step = 'explains'
      this.#runs = false
    } else if (text === 'PRAGMA') {
      this.#step = 'pragma'
      this.#pragma = []
    } else if (reading.has(text)) {
      this.#step = 'reads'
      this.#kind = 'read'
      this.#before = this.#mayChange = undefined
      this.#previous = token
    } else this.#know(changes.has(text) ? 'change' : 'unknown')
  }

  #know(kind: StatementKind): void {
    this.#step = 'known'
    this.#kind = kind
  }

  /** To explain a statement is to read, if it is a query or changes rows and is not run for it (ANALYZE). */
  #explain(token: Token): void {
    const { kind, text } = token
    if (kind === 'quoted' || text === 'ANALYZE' || text === 'ANALYSE') this.#runs = true
    if (kind !== 'word' || explaining.has(text)) return
    if (!this.#runs && (reading.has(text) || explained.has(text))) this.#know('read')
    else this.#begin(token)
  }

  /** A word inside of a statement changes data: not when it is a name, a function, or locks what is read. */
  #read(token: Token): void {
    const { kind, text } = token
    const [before, previous, mayChange] = [this.#before, this.#previous, this.#mayChange]
    if (mayChange && !afterName.has(text) && (mayChange === 'UPDATE' || text !== '(')) {
      this.#know('change')
      return
    }
    this.#before = previous
    this.#previous = token
    this.#mayChange = undefined
    if (kind !== 'word' || !changing.has(text)) return
    // After a number the point belongs to that: 1.INTO.
    if (previous?.text === '.' && before && (before.kind !== 'other' || before.text === ']' || before.text === ')'))
      return
    if (text === 'INTO') {
      this.#know('change')
      return
    }
    const locks = text === 'UPDATE' && (previous?.text === 'FOR' || (before?.text === 'NO' && previous?.text === 'KEY'))
    if (!locks) this.#mayChange = text === 'UPDATE' ? text : 'other'
  }
}

function kindOfPragma(rest: readonly Token[]): StatementKind {
  // The name of a schema may stand before it.
  const [name, ...after] = rest[1]?.text === '.' ? rest.slice(2) : rest
  if (!name) return 'change'
  if (after.length === 0) return tellingPragmas.has(name.text) || askingPragmas.has(name.text) ? 'read' : 'change'
  return after[0]!.text === '(' && askingPragmas.has(name.text) ? 'read' : 'change'
}
