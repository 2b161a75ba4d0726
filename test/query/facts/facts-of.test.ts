import { describe, expect, it } from 'vitest'
import type { SqlDialect } from '../../../src/query/facts/dialect.ts'
import { textFactsOf } from '../../../src/query/facts/facts-of.ts'

const all: readonly SqlDialect[] = ['duckdb', 'bigquery', 'dremio', 'standard']

describe.each(all)('the facts of statements in the dialect %s', (dialect) => {
  it.each([
    "SELECT a, count(*) FROM orders o JOIN lineitem l ON o.k = l.k WHERE d > DATE '2020-01-01' GROUP BY a ORDER BY 2 LIMIT 10",
    'WITH x AS (SELECT * FROM t), y AS (SELECT sum(a) AS s FROM x) SELECT * FROM y CROSS JOIN x',
    'SELECT CAST(a AS DECIMAL(10, 2)), CAST(b AS VARCHAR(10)) FROM t WHERE a IN (1, 2) AND EXISTS (SELECT 1 FROM u)',
    'SELECT row_number() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t',
    'SELECT extract(year FROM d), CASE WHEN (a = 1) THEN (2) ELSE (3) END FROM t GROUP BY ROLLUP (a)',
    '(SELECT 1) UNION ALL (SELECT 2)',
    'SELECT t.now, t.random, t.current_date, "now" FROM t',
    'SELECT coalesce(a, b), nullif(a, b), trim(BOTH FROM c) FROM t',
    "SELECT 'now() and random() and current_user' FROM t",
    'SELECT 1;',
  ])('can cache %j', async (sql) => {
    expect(await textFactsOf(sql, dialect)).not.toHaveProperty('obstacle')
  })

  it.each([
    ['SELECT random()', 'volatile-function'],
    ['SELECT Rand ( ) FROM t', 'volatile-function'],
    ['SELECT now() - a FROM t', 'volatile-function'],
    ['SELECT * FROM t WHERE d = CURRENT_DATE', 'volatile-function'],
    ['SELECT current_timestamp', 'volatile-function'],
    ['SELECT * FROM (SELECT 1 FROM t WHERE d < localtime) x', 'volatile-function'],
    ["SELECT nextval('s')", 'volatile-function'],
    ['SELECT a FROM t WHERE o = current_user', 'session-state'],
    ['SELECT session_user()', 'session-state'],
    ['SELECT my_function(1)', 'unknown-function'],
    ['SELECT my_schema.upper(a) FROM t', 'unknown-function'],
    ['SELECT * FROM my_function(1)', 'unknown-function'],
    ["SELECT * FROM read_csv('a.csv')", 'external-data'],
    ['SELECT * FROM t TABLESAMPLE SYSTEM (10 PERCENT)', 'sample'],
    ['SELECT * FROM information_schema.tables', 'system-table'],
    ['SELECT * FROM temp.t', 'temporary-table'],
    ['INSERT INTO t VALUES (1)', 'not-a-query'],
    ['SHOW TABLES', 'not-a-query'],
    ['EXPLAIN SELECT 1', 'not-a-query'],
    ['SELECT 1; SELECT 2', 'not-a-query'],
    ['SELECT a INTO b FROM t', 'not-a-query'],
    ['SELECT a FROM t FOR UPDATE', 'not-a-query'],
    ['WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x', 'not-a-query'],
    ['', 'not-a-query'],
    ['-- nothing', 'not-a-query'],
    ["SELECT 'not closed", 'unreadable'],
    ['SELECT (1', 'unreadable'],
    ['SELECT 1)', 'unreadable'],
    ['SELECT /* not closed', 'unreadable'],
    ['SELECT ſum(a) FROM t', 'unreadable'],
    ['SELECT\u00a01', 'unreadable'],
  ])('finds the obstacle in %j', async (sql, obstacle) => {
    expect(await textFactsOf(sql, dialect)).toMatchObject({ obstacle })
  })
})

it.each([
  ['bigquery', 'SELECT * FROM my-project.ds.INFORMATION_SCHEMA.TABLES', 'system-table'],
  ['bigquery', 'SELECT * FROM my-project-1.ds.INFORMATION_SCHEMA.TABLES', 'system-table'],
  ['bigquery', 'SELECT * FROM region-us.INFORMATION_SCHEMA.JOBS', 'system-table'],
  ['bigquery', 'SELECT * FROM my-project-1.ds.t, other-project.ds.u', undefined],
  ['bigquery', 'SELECT 1FROM ds.INFORMATION_SCHEMA.TABLES', 'unreadable'],
  ['duckdb', 'SELECT * FROM main.duckdb_tables', 'system-table'],
  ['standard', 'SELECT 1FROM sys.x', 'unreadable'],
  ['standard', 'SELECT CURRENT DATE FROM t', 'volatile-function'],
  ['standard', 'SELECT CURRENT SCHEMA FROM t', 'session-state'],
  ['standard', 'SELECT sum(a) OVER (ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING), 1.5e-3, 10L FROM t', undefined],
] as const)('%s: %j has the obstacle %j', async (dialect, sql, obstacle) => {
  expect((await textFactsOf(sql, dialect)).obstacle).toBe(obstacle)
})

it.each([
  ['duckdb', "select  1 ,\n 'a  b' -- c\n from  t ( a ) ;", "select 1,'a  b' from t(a)"],
  ['duckdb', 'SELECT a - -1 /* x /* y */ z */ FROM t', 'SELECT a - -1 FROM t'],
  ['duckdb', 'SELECT $$a  --  b$$ , "c  d"', 'SELECT $$a  --  b$$,"c  d"'],
  ['duckdb', "SELECT E'a\\'  b' , 1", "SELECT E'a\\'  b',1"],
  ['bigquery', 'SELECT """a " --  b""" , r"c\\"  d" # e\nFROM `f  g`', 'SELECT """a " --  b""",r"c\\"  d" FROM `f  g`'],
  ['dremio', 'SELECT /*+ broadcast  */ a  FROM "t  u"', 'SELECT /*+ broadcast  */ a FROM "t  u"'],
  ['standard', '/* by x */ select  1  +  1 -- y\n', 'select  1  +  1'],
] as const)('%s: the canonical text of %j', async (dialect, sql, canonical) => {
  expect((await textFactsOf(sql, dialect)).canonical).toBe(canonical)
})

describe('functions that an operator has declared', () => {
  const declared = new Set(['MY_UDF', 'LIB.OTHER'])
  const read = async (sql: string) => await textFactsOf(sql, 'standard', undefined, declared)

  it.each([
    'SELECT my_udf(a) FROM t',
    'SELECT anywhere.my_udf(a) FROM t',
    'SELECT lib.other(my_udf(a)) FROM t',
    'SELECT * FROM my_udf(1)',
  ])('count as known: %j', async (sql) => {
    const facts = await read(sql)
    expect(facts).not.toHaveProperty('obstacle')
    expect(facts.mayHaveEffects).toBe(false)
  })

  it.each([
    ['SELECT my_udf(a), not_mine(b) FROM t', 'unknown-function', true],
    ['SELECT other(a) FROM t', 'unknown-function', true],
    ['SELECT my_udf(now())', 'volatile-function', false],
    ['SELECT my_udf(a), user_id(), random() FROM t', 'volatile-function', true],
    ['EXPLAIN SELECT not_mine(1)', 'not-a-query', false],
    ['EXPLAIN ANALYZE SELECT not_mine(1)', 'not-a-query', true],
    ['SELECT my_udf(1); DELETE FROM t', 'not-a-query', true],
  ])('do not hide others: %j', async (sql, obstacle, mayHaveEffects) => {
    expect(await read(sql)).toMatchObject({ obstacle, mayHaveEffects })
  })
})

it('DuckDB: ordered sets', async () => {
  const sql = 'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t'
  expect(await textFactsOf(sql, 'duckdb')).not.toHaveProperty('obstacle')
})

it('a name of WITH stands for no table of another case where case may matter', async () => {
  const sql = 'WITH "PEOPLE" AS (SELECT 1), x AS (SELECT 2) SELECT * FROM "people", x'
  expect((await textFactsOf(sql, 'standard')).tables).toEqual([['people']])
  for (const dialect of ['duckdb', 'dremio'] as const) expect((await textFactsOf(sql, dialect)).tables).toEqual([])
})
