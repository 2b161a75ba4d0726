import { LRUCache } from 'lru-cache'
import { type Call, TextReader } from '../text/text-pass.ts'
import type { Query } from '../types.ts'
import type { SqlDialect } from './dialect.ts'
import { FactsPass, type TextFacts } from './facts-pass.ts'
import type { StatementFacts } from './statement-facts.ts'

/** Longer statements are not read, and so not cached. */
const MAX_CHARACTERS = 1 << 20
/** Shorter texts are remembered here, longer ones by the reader. */
const MAX_SHORT_CHARACTERS = 4096
const MAX_REMEMBERED_CHARACTERS = 4 << 20

/** The readers of one dialect, and the facts of short statements. */
class DialectFacts {
  readonly #reader: TextReader<TextFacts>
  readonly #short = new LRUCache<string, TextFacts>({
    maxSize: MAX_REMEMBERED_CHARACTERS,
    sizeCalculation: (_facts, text) => text.length + 100,
  })

  constructor(dialect: SqlDialect) {
    this.#reader = new TextReader((text) => new FactsPass(text, dialect), MAX_SHORT_CHARACTERS)
  }

  read(sql: string, call: Call | undefined): TextFacts | Promise<TextFacts> {
    if (sql.length > MAX_CHARACTERS) return tooLong(sql)
    if (sql.length >= MAX_SHORT_CHARACTERS) return this.#reader.read(sql, call)
    const known = this.#short.get(sql)
    if (known) return known
    const facts = this.#reader.read(sql, call) as TextFacts
    this.#short.set(sql, facts)
    return facts
  }
}

function tooLong(sql: string): TextFacts {
  return { obstacle: 'unreadable', canonical: sql, tables: [], calls: new Set(), mayHaveEffects: true }
}

const dialects: Readonly<Record<SqlDialect, DialectFacts>> = {
  duckdb: new DialectFacts('duckdb'),
  bigquery: new DialectFacts('bigquery'),
  dremio: new DialectFacts('dremio'),
  standard: new DialectFacts('standard'),
}

/**
 * Reads what a text tells, in linear time; yields to the event loop while it reads a long one.
 * @throws the signal's reason
 */
export function textFactsOf(sql: string, dialect: SqlDialect, call?: Call): TextFacts | Promise<TextFacts> {
  return dialects[dialect].read(sql, call)
}

/**
 * Reads what the cache needs to know of a statement.
 * @throws the signal's reason
 */
export function factsOf(query: Query, dialect: SqlDialect, call?: Call): StatementFacts | Promise<StatementFacts> {
  const facts = textFactsOf(query.sql, dialect, call)
  return facts instanceof Promise ? facts.then(statementFacts) : statementFacts(facts)
}

function statementFacts({ obstacle, canonical }: TextFacts): StatementFacts {
  return { ...(obstacle && { obstacle }), canonical, reads: undefined }
}
