import { createHash } from 'node:crypto'
import { type Call, TextReader } from '../../query/text/text-pass.ts'
import { WordSearch } from '../../query/text/word-search.ts'
import { WordTable } from '../../query/text/word-table.ts'
import type { Query } from '../../query/types.ts'

/** Functions that return another value, or change a sequence, at each call; samples. */
const volatileWords = [
  'NEXTVAL',
  'SETVAL',
  'RANDOM',
  'RAND',
  'SETSEED',
  'UUID',
  'UUIDV4',
  'UUIDV7',
  'GEN_RANDOM_UUID',
  'GENERATE_UUID',
  'NEWID',
  'SAMPLE',
  'TABLESAMPLE',
]
const table = new WordTable(volatileWords)
const statements = new TextReader((text) => new WordSearch(text, table))

/**
 * Returns a key that two queries of a batch have in common if, as reads, they return the same rows. Undefined for a query that
 * runs in a transaction or names a volatile function or a sample.
 * @throws the signal's reason
 */
export async function sharingKeyOf(query: Query, call: Call): Promise<string | undefined> {
  const { source, sql, session, parameters, transaction } = query
  if (transaction !== undefined || (await statements.read(sql, call)).size > 0) return undefined
  const bound = parameters ? createHash('sha256').update(parameters).digest('base64') : ''
  return JSON.stringify([source, session, bound]) + sql
}
