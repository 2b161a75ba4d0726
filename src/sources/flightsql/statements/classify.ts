import { WordTable } from '../../../query/text/word-table.ts'

const list = (words: string): ReadonlySet<string> => new Set(words.split(' '))

const reading = list('SELECT WITH VALUES TABLE FROM SHOW DESCRIBE DESC SUMMARIZE PIVOT UNPIVOT')
const session = list('USE SET RESET BEGIN START COMMIT SAVEPOINT RELEASE')
const changes = list(
  'INSERT UPDATE DELETE MERGE UPSERT REPLACE CREATE DROP ALTER TRUNCATE RENAME COMMENT COPY LOAD INSTALL IMPORT EXPORT ATTACH DETACH GRANT REVOKE OPTIMIZE VACUUM ANALYZE REINDEX REFRESH CHECKPOINT ROLLBACK LOCK DO CALL EXEC EXECUTE',
)
/** Words that make a change of a statement that begins like a read, such as `WITH ... INSERT`. */
export const changing = list('INSERT UPDATE DELETE MERGE INTO')
const explained = list('INSERT UPDATE DELETE MERGE REPLACE')
/** Words allowed between EXPLAIN and the explained statement. */
const explaining = list(
  'EXPLAIN ANALYZE ANALYSE VERBOSE QUERY PLAN FOR FORMAT TEXT JSON XML YAML TREE INDENT DOT GRAPHVIZ PGJSON LOGICAL PHYSICAL DISTRIBUTED EXTENDED FORMATTED CODEGEN COST COSTS TYPE INCLUDING EXCLUDING ALL ATTRIBUTES WITHOUT IMPLEMENTATION AS BUFFERS TIMING SETTINGS SUMMARY WAL ON OFF TRUE FALSE',
)
/** Pragmas that only read: `askingPragmas` also with an argument in parentheses, `tellingPragmas` only without. */
const askingPragmas = list(
  'TABLE_INFO TABLE_XINFO TABLE_LIST INDEX_LIST INDEX_INFO INDEX_XINFO FOREIGN_KEY_LIST FOREIGN_KEY_CHECK INTEGRITY_CHECK QUICK_CHECK STORAGE_INFO',
)
const tellingPragmas = list(
  'APPLICATION_ID AUTO_VACUUM COLLATION_LIST COLLATIONS COMPILE_OPTIONS DATABASE_LIST DATABASE_SIZE DATA_VERSION ENCODING FOREIGN_KEYS FREELIST_COUNT FUNCTIONS FUNCTION_LIST JOURNAL_MODE MODULE_LIST PAGE_COUNT PAGE_SIZE PLATFORM PRAGMA_LIST SCHEMA_VERSION SHOW_DATABASES SHOW_TABLES SYNCHRONOUS USER_VERSION VERSION',
)

/** Characters that can follow a name but never a word of `changing`. */
const afterName = list(') , = < > + - * / | :')
const others = list('PRAGMA SESSION KEY NO')

const all = [reading, session, changes, changing, explained, explaining, askingPragmas, tellingPragmas, others]
/** The words that classify a statement. */
export const kindWords = new WordTable(all.flatMap((words) => [...words]))

/** What a statement does according to its keywords. `unknown` may do anything, and may be just a typing error. */
export type StatementKind = 'read' | 'unknown' | 'change' | 'session'

/** A token for `StatementKinds`. Equal tokens share one object. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'other'
  /** One of the `kindWords` or a character; empty for everything else. */
  readonly text: string
}

/**
 * Classifies statements by keyword, token by token: whether they change data, or the session that they run in. Only known reads
 * count as reads.
 */
export class StatementKinds {
  /** The kinds of the statements so far. */
  readonly kinds = new Set<StatementKind>()
  /** Number of statements so far, without empty ones. */
  count = 0
  #step: 'begins' | 'alters' | 'explains' | 'pragma' | 'reads' | 'known' = 'begins'
  #kind: StatementKind = 'unknown'
  /** Whether an EXPLAIN runs the statement. */
  #runs = false
  #pragma: Token[] = []
  /** The last two tokens of a statement that reads so far. */
  #before: Token | undefined
  #previous: Token | undefined
  /** Set when the previous token is a word of `changing`, which may still turn out to be a name. */
  #mayChange: 'UPDATE' | 'other' | undefined

  /** Processes the next token of the text. */
  take(token: Token): void {
    if (token.text === ';' && token.kind === 'other') this.endStatement()
    else this.#take(token)
  }

  /** Ends a statement. The caller must also call it at the end of the text. */
  endStatement(): void {
    if (this.#step === 'begins') return
    // A lone ALTER, or EXPLAIN without a statement.
    if (this.#step === 'alters' || this.#step === 'explains') this.#kind = 'change'
    else if (this.#step === 'pragma') this.#kind = kindOfPragma(this.#pragma)
    this.kinds.add(this.#kind)
    this.count++
    this.#step = 'begins'
  }

  #take(token: Token): void {
    switch (this.#step) {
      case 'begins':
        // Skip the parentheses before a statement.
        if (token.text !== '(') this.#begin(token)
        return
      case 'alters':
        this.#settle(token.text === 'SESSION' ? 'session' : 'change')
        return
      case 'explains':
        this.#explain(token)
        return
      case 'pragma':
        // Schema name, point, pragma name, and the token after it.
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
    if (session.has(text)) this.#settle('session')
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
    } else this.#settle(changes.has(text) ? 'change' : 'unknown')
  }

  #settle(kind: StatementKind): void {
    this.#step = 'known'
    this.#kind = kind
  }

  /** EXPLAIN counts as a read if it does not run the statement (ANALYZE) and that is a query or changes rows. */
  #explain(token: Token): void {
    const { kind, text } = token
    if (kind === 'quoted' || text === 'ANALYZE' || text === 'ANALYSE') this.#runs = true
    if (kind !== 'word' || explaining.has(text)) return
    if (!this.#runs && (reading.has(text) || explained.has(text))) this.#settle('read')
    else this.#begin(token)
  }

  /** A word of `changing` makes the statement a change, unless it is a name, a function, or locks the rows of a read. */
  #read(token: Token): void {
    const { kind, text } = token
    const [before, previous, mayChange] = [this.#before, this.#previous, this.#mayChange]
    if (mayChange && !afterName.has(text) && (mayChange === 'UPDATE' || text !== '(')) {
      this.#settle('change')
      return
    }
    this.#before = previous
    this.#previous = token
    this.#mayChange = undefined
    if (kind !== 'word' || !changing.has(text)) return
    // After a point it is a name, unless the point belongs to a number: 1.INTO.
    if (previous?.text === '.' && before && (before.kind !== 'other' || before.text === ']' || before.text === ')'))
      return
    if (text === 'INTO') {
      this.#settle('change')
      return
    }
    const locks = text === 'UPDATE' && (previous?.text === 'FOR' || (before?.text === 'NO' && previous?.text === 'KEY'))
    if (!locks) this.#mayChange = text === 'UPDATE' ? text : 'other'
  }
}

function kindOfPragma(rest: readonly Token[]): StatementKind {
  // A schema name may precede the pragma's name.
  const [name, ...after] = rest[1]?.text === '.' ? rest.slice(2) : rest
  if (!name) return 'change'
  if (after.length === 0) return tellingPragmas.has(name.text) || askingPragmas.has(name.text) ? 'read' : 'change'
  return after[0]!.text === '(' && askingPragmas.has(name.text) ? 'read' : 'change'
}
