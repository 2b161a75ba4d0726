import { GatewayError } from '../../../query/errors.ts'
import { type Call, type TextPass, TextReader } from '../../../query/text/text-pass.ts'
import { WordSearch } from '../../../query/text/word-search.ts'
import { WordTable } from '../../../query/text/word-table.ts'
import { CallSearch, type Finding } from './call-search.ts'

/*
 * Functions of DuckDB 1.5 that a locked configuration does not stop: they switch what the whole process logs, profiles or
 * parses with, show what others run, take addresses, or run SQL out of a text, in which all of that could hide. One of
 * them ends the process when the sandbox keeps it from a file. `query` is one more, but its name is a word that columns
 * have too: it is refused where it is called.
 */
const names = [
  'ENABLE_LOGGING',
  'DISABLE_LOGGING',
  'TRUNCATE_DUCKDB_LOGS',
  'DUCKDB_LOGS',
  'DUCKDB_LOG_CONTEXTS',
  'DUCKDB_LOGS_PARSED',
  'ENABLE_PROFILING',
  'DISABLE_PROFILING',
  'ENABLE_PEG_PARSER',
  'DISABLE_PEG_PARSER',
  'JSON_EXECUTE_SERIALIZED_SQL',
  'FORCE_CHECKPOINT',
  'DUCKDB_SECRETS',
  'WHICH_SECRET',
  'ARROW_SCAN',
  'ARROW_SCAN_DUMB',
  'SEQ_SCAN',
]
const table = new WordTable([...names, 'QUERY', 'U', 'TEMP', 'TEMPORARY'])

/** What the words of a statement tell. */
export interface StatementWords {
  /** A function that no statement may name, or call. */
  readonly forbidden?: string
  /** Whether it has identifiers with Unicode escapes, which could spell anything. */
  readonly escapes?: true
  /** Whether it may make a temporary object. */
  readonly temporary?: true
}

const statements = new TextReader((text) => new StatementWordsPass(text))

/**
 * Looks for words anywhere in a statement, in literals and comments too: a search that skips them can be led astray.
 * @throws the signal's reason
 */
export function readStatementWords(sql: string, call?: Call): StatementWords | Promise<StatementWords> {
  return statements.read(sql, call)
}

class StatementWordsPass implements TextPass<StatementWords> {
  readonly #text: string
  readonly #words: WordSearch
  #calls: CallSearch | undefined

  constructor(text: string) {
    this.#text = text
    this.#words = new WordSearch(text, table)
  }

  get isDone(): boolean {
    return this.#words.isDone && (this.#calls?.isDone ?? true)
  }

  advance(characters: number): void {
    if (this.#calls) {
      this.#calls.advance(characters)
      return
    }
    this.#words.advance(characters)
    if (!this.#words.isDone) return
    const words = this.#words.result()
    if (words.has('QUERY') || words.has('U')) this.#calls = new CallSearch(this.#text)
  }

  result(): StatementWords {
    const words = this.#words.result()
    const finding: Finding | undefined = this.#calls?.result()
    const name = names.find((each) => words.has(each)) ?? (finding === 'call' ? 'QUERY' : undefined)
    return {
      ...(name !== undefined && { forbidden: name.toLowerCase() }),
      ...(finding === 'escaped identifier' && { escapes: true }),
      ...((words.has('TEMP') || words.has('TEMPORARY')) && { temporary: true }),
    }
  }
}

/**
 * Refuses a statement that names such a function.
 * @throws GatewayError SANDBOXED
 */
export function refuseForbiddenFunctions({ forbidden, escapes }: StatementWords): void {
  if (forbidden !== undefined)
    throw new GatewayError('SANDBOXED', `The function ${forbidden} is not allowed, nor is its name in a statement.`)
  if (escapes)
    throw new GatewayError('SANDBOXED', 'Identifiers written with Unicode escapes (U&"...") are not allowed.')
}
