import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SqlDialect } from '../../../src/query/facts/dialect.ts'
import { textFactsOf } from '../../../src/query/facts/facts-of.ts'
import { Lexer } from '../../../src/query/facts/lexer/lexer.ts'

const dialects: readonly SqlDialect[] = ['duckdb', 'bigquery', 'dremio']
const pieces = [
  ...'\'"`$-/*#+.,;()[]{}:@\\?=<>|!_eErRuU1aB \n\t\r',
  '--',
  '/*',
  '*/',
  '/*+',
  '$$',
  '$a$',
  "E'",
  "''",
  '"""',
  '1.',
  '1e',
  'é',
  'SELECT',
]

/** The tokens of a text; undefined if it cannot be split. */
function tokensOf(text: string, dialect: SqlDialect): string[] | undefined {
  const lexer = new Lexer(text, dialect)
  const tokens: string[] = []
  while (lexer.next()) tokens.push(text.slice(lexer.token.start, lexer.token.end))
  while (tokens.at(-1) === ';') tokens.pop()
  return lexer.fault ? undefined : tokens
}

describe.each(dialects)('the canonical text in the dialect %s', (dialect) => {
  it('of any text has the same tokens as the text, and is its own canonical text', async () => {
    const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const { canonical } = await textFactsOf(text, dialect)
        const tokens = tokensOf(text, dialect)
        if (!tokens) expect(canonical).toBe(text)
        else {
          expect(tokensOf(canonical, dialect)).toEqual(tokens)
          expect((await textFactsOf(canonical, dialect)).canonical).toBe(canonical)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('does not depend on white space and comments between tokens', async () => {
    const tokens = fc.array(
      fc.constantFrom('SELECT', 'a', '"b  c"', "'d  -- e'", '1.5', '+', '-', '(', ')', ',', '.', '=', 'FROM', '*'),
      { minLength: 1, maxLength: 20 },
    )
    const gaps = fc.array(fc.constantFrom(' ', '  ', '\n', ' -- x\n', '/* y */', '\t\n '), {
      minLength: 21,
      maxLength: 21,
    })
    const separated = (words: readonly string[], between: readonly string[]) =>
      words.map((word, i) => `${between[i]!}${word}`).join('')
    await fc.assert(
      fc.asyncProperty(tokens, gaps, gaps, async (words, one, other) => {
        const read = async (between: readonly string[]) => await textFactsOf(separated(words, between), dialect)
        const [first, second] = [await read(one), await read(other)]
        if (first.obstacle === 'unreadable' || second.obstacle === 'unreadable') return
        expect(first.canonical).toBe(second.canonical)
      }),
      { numRuns: 1000 },
    )
  })
})

it.each([
  ['SELECT a - -1', 'SELECT a --1'],
  ["SELECT 'a' 'b'", "SELECT 'ab'"],
  ["SELECT 'a' 'b'", "SELECT 'a''b'"],
  ["SELECT 'a'\n'b'", "SELECT 'a' 'b'"],
  ['SELECT 1. e', 'SELECT 1.e'],
  ["SELECT E'a\\n'", "SELECT 'a\\n'"],
  ["SELECT e 'a'", "SELECT e'a'"],
  ['SELECT "a"', 'SELECT a'],
  ['SELECT A', 'SELECT a'],
  ['SELECT 1 /* a /* b */ + 1 */', 'SELECT 1'],
  ['SELECT a < - b', 'SELECT a <- b'],
  ['SELECT /*+ x */ 1', 'SELECT 1'],
  ["SELECT ' a'", "SELECT '  a'"],
  ['SELECT $$ a$$', 'SELECT $$a$$'],
])('%j and %j have different canonical texts, unless both mean the same', async (one, other) => {
  for (const dialect of [...dialects, 'standard'] as const) {
    const [first, second] = [await textFactsOf(one, dialect), await textFactsOf(other, dialect)]
    const areSame = tokensOf(one, dialect)?.join('\0') === tokensOf(other, dialect)?.join('\0')
    if (!areSame) expect(first.canonical).not.toBe(second.canonical)
  }
})
