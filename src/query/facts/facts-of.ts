import { LRUCache } from 'lru-cache'
import { type Call, TextReader } from '../text/text-pass.ts'
import type { Query } from '../types.ts'
import { type DeclaredFunctions, isDeclared } from './declared-functions.ts'
import type { SqlDialect } from './dialect.ts'
import { FactsPass, type ReadFacts, type TextFacts } from './facts-pass.ts'
import type { StatementFacts } from './statement-facts.ts'

/** Longer statements are not read, and so not cached. */
const MAX_CHARACTERS = 1 << 20
/** Shorter texts are remembered here, longer ones by the reader. */
const MAX_SHORT_CHARACTERS = 4096
const MAX_REMEMBERED_CHARACTERS = 4 << 20

/** The readers of one dialect, and the facts of short statements. */
class DialectFacts {
  readonly #reader: TextReader<ReadFacts>
  readonly #short = new LRUCache<string, ReadFacts>({
    maxSize: MAX_REMEMBERED_CHARACTERS,
    sizeCalculation: (_facts, text) => text.length + 100,
  })

  constructor(dialect: SqlDialect) {
    this.#reader = new TextReader((text) => new FactsPass(text, dialect), MAX_SHORT_CHARACTERS)
  }

  read(sql: string, call: Call | undefined): ReadFacts | Promise<ReadFacts> {
    if (sql.length > MAX_CHARACTERS) return tooLong(sql)
    if (sql.length >= MAX_SHORT_CHARACTERS) return this.#reader.read(sql, call)
    const known = this.#short.get(sql)
    if (known) return known
    const facts = this.#reader.read(sql, call) as ReadFacts
    this.#short.set(sql, facts)
    return facts
  }
}

function tooLong(sql: string): ReadFacts {
  const facts: TextFacts = {
    obstacle: 'unreadable',
    obstacles: ['unreadable'],
    canonical: sql,
    tables: [],
    calls: new Set(),
    mayHaveEffects: true,
  }
  return { facts, unknownCalls: new Set(), asUnknown: facts }
}

const dialects: Readonly<Record<SqlDialect, DialectFacts>> = {
  duckdb: new DialectFacts('duckdb'),
  bigquery: new DialectFacts('bigquery'),
  dremio: new DialectFacts('dremio'),
  standard: new DialectFacts('standard'),
}

/**
 * Reads what a text tells, in linear time; yields to the event loop while it reads a long one.
 * @param declared functions that count as known
 * @throws the signal's reason
 */
export function textFactsOf(
  sql: string,
  dialect: SqlDialect,
  call?: Call,
  declared?: DeclaredFunctions,
): TextFacts | Promise<TextFacts> {
  const read = dialects[dialect].read(sql, call)
  return read instanceof Promise ? read.then((facts) => withDeclared(facts, declared)) : withDeclared(read, declared)
}

/**
 * Reads what the cache needs to know of a statement.
 * @param declared functions that count as known
 * @throws the signal's reason
 */
export function factsOf(
  query: Query,
  dialect: SqlDialect,
  call?: Call,
  declared?: DeclaredFunctions,
): StatementFacts | Promise<StatementFacts> {
  const facts = textFactsOf(query.sql, dialect, call, declared)
  return facts instanceof Promise ? facts.then(statementFacts) : statementFacts(facts)
}

function withDeclared(
  { facts, unknownCalls, asUnknown }: ReadFacts,
  declared: DeclaredFunctions | undefined,
): TextFacts {
  if (!declared) return asUnknown
  for (const call of unknownCalls) if (!isDeclared(call, declared)) return asUnknown
  return facts
}

function statementFacts({ obstacle, canonical }: TextFacts): StatementFacts {
  return { ...(obstacle && { obstacle }), canonical, reads: undefined }
}
