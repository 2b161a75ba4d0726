import { type Call, TextReader } from '../query/text/text-pass.ts'
import { WordSearch } from '../query/text/word-search.ts'
import { WordTable } from '../query/text/word-table.ts'

const table = new WordTable(['RETURNING'])
const statements = new TextReader((text) => new WordSearch(text, table))

/**
 * Whether a statement that changes data may return rows, that is, contains the word RETURNING.
 * @throws the signal's reason
 */
export async function hasReturning(sql: string, call: Call): Promise<boolean> {
  return (await statements.read(sql, call)).size > 0
}
