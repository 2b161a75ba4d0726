import { GatewayError } from '../../../query/errors.ts'
import { type Call, type TextPass, TextReader } from '../../../query/text/text-pass.ts'
import { WordSearch } from '../../../query/text/word-search.ts'
import { WordTable } from '../../../query/text/word-table.ts'
import { type CallFinding, CallSearch } from './call-search.ts'

/*
 * Functions of DuckDB 1.5 that a locked configuration does not block. They switch the logging, profiling or parser of the
 * whole process, show statements of other clients, take addresses, or run SQL from a text, which could hide all of these. One
 * of them crashes the process when the sandbox blocks its file. `query` and `checkpoint` are more, but columns have these names
 * too, so only calls of them are refused.
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
const table = new WordTable([...names, 'QUERY', 'CHECKPOINT', 'U', 'TEMP', 'TEMPORARY'])

/** Findings of a scan of a statement's words. */
export interface StatementWords {
  /** A forbidden function that the statement names or calls. */
  readonly forbidden?: string
  /** Whether the statement has the word CHECKPOINT: DuckDB reports the statement CHECKPOINT as a CALL. */
  readonly checkpoint?: true
  /** Whether the statement has identifiers with Unicode escapes, which could spell any name. */
  readonly escapes?: true
  /** Whether the statement may create a temporary object. */
  readonly temporary?: true
}

const statements = new TextReader((text) => new StatementWordsPass(text))

/**
 * Looks for words anywhere in a statement, also in literals and comments: a scan that skips these can be tricked.
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
    if (words.has('QUERY') || words.has('CHECKPOINT') || words.has('U')) this.#calls = new CallSearch(this.#text)
  }

  result(): StatementWords {
    const words = this.#words.result()
    const finding: CallFinding | undefined = this.#calls?.result()
    const called = words.has('QUERY') ? 'QUERY' : 'CHECKPOINT'
    const name = names.find((each) => words.has(each)) ?? (finding === 'call' ? called : undefined)
    return {
      ...(name !== undefined && { forbidden: name.toLowerCase() }),
      ...(words.has('CHECKPOINT') && { checkpoint: true }),
      ...(finding === 'escaped identifier' && { escapes: true }),
      ...((words.has('TEMP') || words.has('TEMPORARY')) && { temporary: true }),
    }
  }
}

/**
 * Refuses a statement with a forbidden function, or with escapes that could spell one.
 * @throws GatewayError SANDBOXED
 */
export function refuseForbiddenFunctions({ forbidden, escapes }: StatementWords): void {
  if (forbidden !== undefined)
    throw new GatewayError('SANDBOXED', `The function ${forbidden} is not allowed, nor is its name in a statement.`)
  if (escapes)
    throw new GatewayError('SANDBOXED', 'Identifiers written with Unicode escapes (U&"...") are not allowed.')
}
