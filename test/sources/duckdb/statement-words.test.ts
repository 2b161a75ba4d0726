import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makesTemporary } from '../../../src/sources/duckdb/sql/makes-temporary.ts'
import type { StatementWords } from '../../../src/sources/duckdb/sql/statement-words.ts'
import { readStatementWords, refuseForbiddenFunctions } from '../../../src/sources/duckdb/sql/statement-words.ts'
import { DemoSource } from '../../fault/demo-source.ts'

const call = (gap: string) => `SELECT * FROM query${gap}('SELECT 42')`

/** Texts that DuckDB parses as a call of `query`. */
const calls = [
  ['no gap', call('')],
  ['white space', call(' \t\v\f\n')],
  ['a comment', call('/* gap */')],
  ['nested comments', call('/* /* */ */')],
  ['nested comments, side by side', call('/*/**//* */*//**/ ')],
  ['stars and slashes', call('/***/ /*/ /* */ */ /**/')],
  ['a comment around the name of the function', call('/* query( */ /* query/* */ */')],
  ['a line comment', call('-- line\n')],
  ['a line comment that a carriage return ends', call(' -- line\r')],
  ['a line comment in a comment', call('/* -- */')],
  ['a comment in a line comment', call('-- /*\n')],
  ['a no-break space', call('\u00a0')],
  ['a zero-width space', call('\u200b')],
  ['a word joiner', call('\u2060')],
  ['a byte-order mark', call('\ufeff')],
  ['an ideographic space', call('\u3000')],
  ['quotes', 'SELECT * FROM "query"(\'SELECT 42\')'],
  ['quotes and a zero-width space', 'SELECT * FROM "query"\u200b(\'SELECT 42\')'],
  ['upper case', 'SELECT * FROM "QuErY"\n\n(\'SELECT 42\')'],
  ['a schema', "FROM main.query /* ' */ ('SELECT 42')"],
  ['a literal before it', `SELECT '/*' FROM query/* ' */('SELECT 42')`],
  ['a dollar quote before it', `SELECT $a$ /* $a$ FROM query ('SELECT 42')`],
  ['an escape before it', `SELECT E'\\'' FROM query ('SELECT 42')`],
  ['EXPLAIN', `EXPLAIN ANALYZE ${call('\u200b')}`],
] as const

describe('the words of a statement', () => {
  let demo: DemoSource
  beforeAll(async () => {
    demo = await DemoSource.open({ init: ['CREATE TABLE t AS SELECT 1 AS query, 2 AS temp'] })
  })
  afterAll(() => demo.source.close())

  it.each(calls)('a call of query with %s is refused', async (_what, sql) => {
    expect(await demo.plan(sql)).toBe('SANDBOXED')
  })

  it.each([
    'SELECT query FROM t',
    'SELECT t.query FROM t',
    'SELECT "query" AS q FROM t',
    'SELECT query, (SELECT 1) FROM t',
    'SELECT query /* a */, ( /* b */ 1) FROM t',
    'SELECT query -- (\n FROM t',
    "SELECT query, 'query' FROM t WHERE query IN (1)",
    "SELECT * FROM query_table('t')",
    "SELECT 'checkpoint' AS checkpoint",
    'SELECT 1 AS u, 1 & 2, "a" FROM (SELECT 1 AS a)',
  ])('allows a column named query: %s', async (sql) => {
    expect(await demo.plan(sql)).toBe('OK')
  })

  it.each([
    ["SELECT 'duckdb_secrets'", 'duckdb_secrets'],
    ['SELECT /* which_secret */ 1', 'which_secret'],
    ['FROM "ENABLE_logging"()', 'enable_logging'],
    ['FROM\u200bduckdb_logs\u200b()', 'duckdb_logs'],
    ['SELECT 1force_checkpoint', 'force_checkpoint'],
    ['FROM seq_scan', 'seq_scan'],
  ])('finds the forbidden function in %s', (sql, forbidden) => {
    expect(readStatementWords(sql)).toMatchObject({ forbidden })
    expect(() => refuseForbiddenFunctions(readStatementWords(sql) as StatementWords)).toThrow(forbidden)
  })

  it.each(['SELECT my_duckdb_secrets', 'SELECT duckdb_secrets2', 'SELECT xu&"a"'])(
    'finds no forbidden function in %s',
    (sql) => {
      expect(readStatementWords(sql)).toEqual({})
    },
  )

  it('identifiers with Unicode escapes are refused', () => {
    expect(readStatementWords('FROM U&"q"')).toMatchObject({ escapes: true })
    expect(readStatementWords('FROM u&"\\0071uery"(1)')).toMatchObject({ escapes: true })
  })

  it.each([
    ['CREATE TEMP TABLE x (i INTEGER)', true],
    ['-- a\n /* b /* c */ */ create or replace temporary view v AS SELECT 1', true],
    ['CREATE/**/TEMP TABLE x (i INTEGER)', true],
    ['CREATE TABLE temp (i INTEGER)', false],
    ['CREATE OR REPLACE TABLE x AS SELECT 1 AS temp', false],
    ['"CREATE" TEMP', false],
    ['', false],
  ])('%s makes a temporary object: %s', (sql, is) => {
    expect(makesTemporary(sql)).toBe(is)
  })
})
