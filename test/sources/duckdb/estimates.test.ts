import { Int32, Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/query/errors.ts'
import type { Estimate } from '../../../src/query/estimate.ts'
import type { Query } from '../../../src/query/types.ts'
import { DemoSource } from '../../fault/demo-source.ts'

const WIDE = 10_000

const init = [
  "CREATE TABLE t AS SELECT i::INTEGER AS a, 'x' || (i % 10) AS b, i::DOUBLE AS c, {'x': i::INTEGER, 'y': 'ab'} AS s FROM range(100000) r(i)",
  'CREATE TABLE u (k INTEGER PRIMARY KEY, v VARCHAR)',
  "INSERT INTO u SELECT i, 'abcd' FROM range(1000) r(i)",
  'CREATE VIEW v AS SELECT a, b FROM t WHERE a > 5',
  'CREATE VIEW vv AS SELECT count(*) AS n FROM v',
  'CREATE TABLE empty (k INTEGER)',
  "CREATE TABLE bulk AS SELECT i AS a, i AS b, i AS c, i AS d, i AS e, i AS f, i AS g, 'text' AS h FROM range(2000000) r(i)",
  'CREATE SCHEMA "my.schema"',
  'CREATE TABLE "my.schema"."odd table" AS SELECT i::INTEGER AS "a b", \'text\' AS "x.y", i::INTEGER AS "select" FROM range(1000) r(i)',
  'CREATE TABLE broken_name AS SELECT 1 AS "line\nfeed"',
  "CREATE TABLE deleted AS SELECT i, 'abc' AS s FROM range(500000) r(i)",
  'DELETE FROM deleted WHERE i < 300000',
  'CREATE MACRO of_a(x) AS TABLE SELECT a FROM t WHERE a = x',
  "CREATE TYPE mood AS ENUM ('sad', 'happy')",
  `CREATE TABLE types AS SELECT 'sad'::mood AS m, true AS bo, 1::HUGEINT AS h, 1.5::DECIMAL(4,1) AS d1, 1.5::DECIMAL(38,1) AS d2, uuid() AS id,
     [1, 2, 3]::INTEGER[3] AS ar, ['ab', 'c'] AS texts, [1, 2]::BIGINT[] AS li, 'abc'::BLOB AS bl, INTERVAL 1 DAY AS iv FROM range(10)`,
  `CREATE TABLE wide AS SELECT ${Array.from({ length: WIDE }, (_, i) => `i::INTEGER AS c${i}`).join(', ')} FROM range(100) r(i)`,
]
const t = 'demo.main.t'
const rowBytes = { a: 4, b: 2, c: 8, s: '{x: 00000, y: ab}'.length }

describe('the estimate of a DuckDB source', () => {
  let demo: DemoSource
  beforeAll(async () => {
    demo = await DemoSource.open({ init, maxStreams: 2 })
  })
  afterAll(async () => {
    await demo.source.close()
  })

  const estimate = async (sql: string, more: Partial<Query> = {}): Promise<Estimate | undefined> => {
    const query = { source: 'demo', sql, session: {}, purpose: 'any', estimate: true, ...more } as const
    return (await demo.source.plan(query, demo.context())).estimate
  }

  it('is absent unless the query asks for it', async () => {
    expect(await estimate('SELECT * FROM t', { estimate: false })).toBeUndefined()
    expect(await estimate('SELECT * FROM t')).toBeDefined()
  })

  it.each<[string, Partial<Estimate>]>([
    ['SELECT a FROM t', { bytes: 400_000, rows: 100_000 }],
    ['SELECT a, b FROM t', { bytes: 600_000, rows: 100_000 }],
    ['SELECT b FROM t WHERE c > 7', { bytes: 1_000_000, rows: 20_000 }],
    ["SELECT a FROM t WHERE b < 'x5 c a' AND c > 7", { bytes: 1_400_000 }],
    ["SELECT a FROM t WHERE b LIKE 'x%' AND (c = 1 OR c = 2)", { bytes: 1_400_000 }],
    ['SELECT s.x FROM t', { rows: 100_000 }],
    ['SELECT count(*) FROM t WHERE a > 7', { bytes: 400_000, rows: 1 }],
    ['SELECT sum(a) FROM t', { bytes: 400_000, rows: 1 }],
    ['SELECT b, sum(a) FROM t GROUP BY b', { bytes: 600_000 }],
    ['SELECT * FROM v', { bytes: 600_000 }],
    ['SELECT x.a FROM t x JOIN t y USING (a)', { bytes: 800_000 }],
    [
      'WITH x AS MATERIALIZED (SELECT a FROM t) SELECT * FROM x UNION ALL SELECT a FROM x',
      { bytes: 400_000, rows: 200_000 },
    ],
    ['SELECT a FROM t UNION ALL SELECT c FROM t', { bytes: 1_200_000, rows: 200_000 }],
    ['SELECT a, (SELECT count(*) FROM t y WHERE y.a = x.a) FROM t x', { bytes: 800_000 }],
    ['SELECT * FROM of_a(4)', { bytes: 400_000 }],
    ['SELECT a FROM t LIMIT 10', { bytes: 400_000, rows: 10 }],
    ['SELECT * FROM (SELECT a FROM t LIMIT 10) LIMIT 1000', { rows: 10 }],
    ['SELECT a FROM t LIMIT 10 OFFSET 99995', { rows: 5 }],
    ['SELECT a FROM t ORDER BY c LIMIT 5', { rows: 5 }],
    ['SELECT a FROM t TABLESAMPLE SYSTEM (10%)', { bytes: 40_000 }],
    ['INSERT INTO empty SELECT a FROM t', { bytes: 400_000 }],
    ["UPDATE t SET a = a + 1 WHERE b = 'x1'", { bytes: 600_000 }],
    ['CREATE TABLE copy AS SELECT a FROM t', { bytes: 400_000 }],
  ])('%s', async (sql, expected) => {
    const actual = await estimate(sql)
    expect(actual).toMatchObject({ accuracy: 'estimated', referencedTables: [t], ...expected })
    if (!expected.rows && sql.startsWith('INSERT')) expect(actual).not.toHaveProperty('rows')
  })

  it('adds up all columns, and the tables of a join', async () => {
    const bytes = 100_000 * (rowBytes.a + rowBytes.b + rowBytes.c)
    expect((await estimate('SELECT * EXCLUDE (s) FROM t'))!.bytes).toBe(bytes)
    expect(await estimate('SELECT t.*, v FROM t JOIN u ON a = k WHERE s.x >= 0')).toMatchObject({
      referencedTables: [t, 'demo.main.u'],
    })
  })

  it.each<[string, Estimate]>([
    ['SELECT 1', { accuracy: 'exact', bytes: 0, rows: 1 }],
    ['VALUES (1), (2)', { accuracy: 'exact', bytes: 0, rows: 2 }],
    ['SELECT * FROM range(1000)', { accuracy: 'exact', bytes: 0, rows: 1000 }],
    ['DESCRIBE t', { accuracy: 'exact', bytes: 0, referencedTables: [t] }],
    ['SELECT * FROM t WHERE false', { accuracy: 'exact', bytes: 0, rows: 0, referencedTables: [t] }],
  ])('is exact without a scan: %s', async (sql, expected) => {
    expect(await estimate(sql)).toEqual(expected)
  })

  it.each([
    'SELECT ?',
    'SELECT * FROM duckdb_tables()',
    'SHOW TABLES',
    'EXPLAIN SELECT 1',
    "PRAGMA table_info('t')",
    'DROP TABLE empty',
    'CREATE TABLE other (i INTEGER)',
    'CREATE VIEW w AS SELECT 1',
    'INSERT INTO empty VALUES (1)',
    'ALTER TABLE empty ADD COLUMN i INTEGER',
    'SELECT * FROM information_schema.tables',
    'SELECT * FROM duckdb_tables() LIMIT 5',
  ])('is unknown, without a figure, where the plan does not tell: %s', async (sql) => {
    expect(await estimate(sql)).toEqual({ accuracy: 'unknown' })
  })

  it.each([
    'SELECT unnest([1, 2, 3]), a FROM t',
    'WITH RECURSIVE r(n) AS (SELECT a FROM t UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT * FROM r',
    'SELECT a FROM t LIMIT 10%',
    'SELECT a FROM t TABLESAMPLE RESERVOIR (5)',
    'SELECT a FROM t, LATERAL (SELECT * FROM range(t.a))',
  ])('has no rows where DuckDB only guesses them: %s', async (sql) => {
    expect(await estimate(sql)).not.toHaveProperty('rows')
  })

  it('finds the table that a count or an impossible condition does not read', async () => {
    expect(await estimate('SELECT count(*) FROM t')).toMatchObject({ bytes: 0, rows: 1, referencedTables: [t] })
    expect(await estimate('SELECT n FROM vv')).toMatchObject({ bytes: 400_000, rows: 1, referencedTables: [t] })
    expect(await estimate("WITH t AS (SELECT 1 AS a) SELECT * FROM t, u WHERE v = 'abcd' AND k > 5000")).toMatchObject({
      rows: 0,
      referencedTables: ['demo.main.u'],
    })
  })

  it('says 0 rows of an empty table, and nothing of rows that a condition probably has not', async () => {
    expect(await estimate('SELECT * FROM empty')).toEqual({
      accuracy: 'estimated',
      bytes: 0,
      rows: 0,
      referencedTables: ['demo.main.empty'],
    })
    const filtered = await estimate('SELECT k FROM u WHERE k = 5')
    expect(filtered).toMatchObject({ bytes: 4000, rows: 1 })
  })

  it('says nothing of what a CREATE INDEX and a DELETE without condition read', async () => {
    expect(await estimate('DELETE FROM t')).toEqual({ accuracy: 'unknown', referencedTables: [t] })
    expect(await estimate('CREATE INDEX i ON t (a)')).toEqual({ accuracy: 'unknown', referencedTables: [t] })
  })

  it('has no rows if a cross join makes more than a number holds', async () => {
    const { rows, bytes, suggestions } = (await estimate('SELECT a.a FROM t a, t b, t c, t d'))!
    expect([rows, bytes]).toEqual([undefined, expect.any(Number)])
    expect(suggestions).toHaveLength(1)
  })

  it('reads the columns of a filter with a long list', async () => {
    const list = (value: (i: number) => string) => Array.from({ length: 20_000 }, (_, i) => value(i)).join(', ')
    expect(await estimate(`SELECT a FROM t WHERE c IN (${list((i) => `${3 * i}.5`)})`)).toMatchObject({
      bytes: 1_200_000,
    })
    const texts = await estimate(`SELECT a FROM t WHERE b NOT IN (${list((i) => `'a(, ''b ${i}'`)})`)
    expect(texts).toMatchObject({ bytes: 600_000 })
  })

  it('reads names with dots, blanks and keywords, and gives up on a line feed', async () => {
    const odd = 'demo."my.schema"."odd table"'
    const from = 'FROM "my.schema"."odd table"'
    expect(await estimate(`SELECT "select" ${from} WHERE "x.y" > 'a b'`)).toMatchObject({
      bytes: 8000,
      referencedTables: [odd],
    })
    expect(await estimate(`SELECT "x.y" ${from} WHERE "a b" > 7 AND "select" <> 9`)).toMatchObject({ bytes: 12_000 })
    expect(await estimate('SELECT * FROM broken_name')).toEqual({
      accuracy: 'estimated',
      rows: 1,
      referencedTables: ['demo.main.broken_name'],
    })
  })

  it('measures texts even if the first rows of a table are deleted', async () => {
    expect(await estimate('SELECT s FROM deleted')).toMatchObject({ accuracy: 'estimated', bytes: 1_500_000 })
  })

  it('knows the width of every type', async () => {
    const bytes = async (column: string) => (await estimate(`SELECT ${column} FROM types`))!.bytes! / 10
    expect(await bytes('m')).toBe(1)
    expect(await bytes('bo')).toBe(1)
    expect(await bytes('h')).toBe(16)
    expect(await bytes('d1')).toBe(2)
    expect(await bytes('d2')).toBe(16)
    expect(await bytes('id')).toBe(16)
    expect(await bytes('ar')).toBe(12)
    expect(await bytes('texts')).toBe(3)
    expect(await bytes('li')).toBe(16)
    expect(await bytes('bl')).toBe(3)
    expect(await bytes('iv')).toBe(16)
  })

  it('uses bound parameters, and each row of them counts', async () => {
    const one = (column: Record<string, unknown[]>, type: Int32 | Utf8) => {
      const [[name, values]] = Object.entries(column) as [[string, unknown[]]]
      return tableToIPC(new Table({ [name]: vectorFromArray(values, type) }), 'stream')
    }
    const sql = 'SELECT a FROM t WHERE a < ?'
    expect(await estimate(sql)).toEqual({ accuracy: 'unknown', referencedTables: [t] })
    expect(await estimate(sql, { parameters: one({ p: [50] }, new Int32()) })).toMatchObject({
      accuracy: 'estimated',
      bytes: 400_000,
      rows: 20_000,
    })
    expect(await estimate(sql, { parameters: one({ p: [50, 60] }, new Int32()) })).toMatchObject({ bytes: 800_000 })
    expect(await estimate(sql, { parameters: one({ p: [] }, new Int32()) })).toMatchObject({ accuracy: 'unknown' })
    expect(await estimate('SELECT ? AS x', { parameters: one({ p: ['a'] }, new Utf8()) })).toEqual({
      accuracy: 'exact',
      bytes: 0,
      rows: 1,
    })
  })

  it('of a PIVOT is that of its table', async () => {
    expect(await estimate('PIVOT (SELECT a, b FROM t) ON b USING sum(a)')).toMatchObject({
      bytes: 600_000,
      referencedTables: [t],
    })
  })

  it('in a transaction is that of the committed data, and does not harm the transaction', async () => {
    const ctx = demo.context()
    await demo.source.transactions!.begin('x', { readOnly: false }, ctx)
    const within = { transaction: 'x' }
    expect(await demo.run('INSERT INTO empty VALUES (1)', { ...within, isUpdate: true })).toBe('OK')
    expect(await demo.run('CREATE TABLE fresh (i INTEGER)', { ...within, isUpdate: true })).toBe('OK')
    expect(await estimate('SELECT * FROM empty', within)).toEqual({
      accuracy: 'unknown',
      referencedTables: ['demo.main.empty'],
    })
    expect(await estimate('SELECT * FROM fresh', within)).toEqual({ accuracy: 'unknown' })
    expect(await estimate('SELECT a FROM t', within)).toMatchObject({ accuracy: 'estimated', bytes: 400_000 })
    expect(await demo.run('SELECT * FROM fresh', within)).toBe('OK')
    await demo.source.transactions!.rollback('x', ctx)
  })

  it('is that of the present data after each change', async () => {
    const change = async (sql: string, more = {}) => expect(await demo.run(sql, { isUpdate: true, ...more })).toBe('OK')
    await change('CREATE TABLE growing AS SELECT 1 AS i')
    const grown = async () => {
      const both = [await estimate('SELECT i FROM growing'), await estimate('SELECT i FROM growing')]
      return both.map((each) => each?.rows)
    }
    expect(await grown()).toEqual([1, 1])
    await change('INSERT INTO growing SELECT a FROM t')
    expect(await grown()).toEqual([100_001, 100_001])
    const ctx = demo.context()
    await demo.source.transactions!.begin('y', { readOnly: false }, ctx)
    await change('INSERT INTO growing SELECT a FROM t', { transaction: 'y' })
    expect(await grown()).toEqual([100_001, 100_001])
    await demo.source.transactions!.commit('y', ctx)
    expect(await grown()).toEqual([200_001, 200_001])
  })

  it('looks up names in the schema of the session', async () => {
    expect(await estimate('SELECT "a b" FROM "odd table"', { session: { schema: 'my.schema' } })).toMatchObject({
      bytes: 4000,
    })
  })

  it('suggests fewer columns, fewer rows and a join condition, with figures', async () => {
    expect((await estimate('SELECT * FROM bulk'))!.suggestions).toEqual([
      'The statement reads all 8 columns of demo.main.bulk (120 MB): name the columns that you need; the first 3 alone are 48 MB.',
      'The statement returns all 2,000,000 rows of demo.main.bulk: add a condition or a LIMIT if you need only some of them.',
    ])
    expect((await estimate('SELECT t.a FROM t, u'))!.suggestions).toEqual([
      'The statement joins 100,000 rows with 1,000 rows without a condition, which makes 100,000,000 rows: add a join condition.',
    ])
  })

  it.each([
    'SELECT * FROM t',
    'SELECT a FROM bulk WHERE b > 5',
    'SELECT * FROM bulk LIMIT 10',
    'SELECT sum(a) FROM bulk',
    'SELECT a FROM t JOIN u ON a = k',
    'SELECT * FROM u x, u y',
  ])('suggests nothing for %s', async (sql) => {
    expect(await estimate(sql)).not.toHaveProperty('suggestions')
  })

  it(`of a table of ${WIDE} columns reads no more than it needs`, async () => {
    expect(await estimate('SELECT c5 FROM wide WHERE c9999 > 5')).toMatchObject({ bytes: 800, rows: 20 })
    expect(await estimate('SELECT * FROM wide')).toMatchObject({ bytes: 4 * WIDE * 100, rows: 100 })
  })
})

describe('an estimate that takes too long', () => {
  it('is unknown, and the statement runs', async () => {
    const lists =
      'CREATE TABLE lists AS SELECT list_transform(range(10000), lambda x: {a: x, b: x}) AS l FROM range(1024)'
    const demo = await DemoSource.open({ init: [lists] }, { planTimeoutMs: 1500, queueWaitMs: 10_000 })
    const query = { source: 'demo', sql: 'SELECT l FROM lists', session: {}, purpose: 'read', estimate: true } as const
    expect((await demo.source.plan(query, demo.context())).estimate).toEqual({ accuracy: 'unknown' })
    expect(await demo.run('SELECT count(*) FROM lists')).toBe('OK')
    await demo.source.close()
  })

  it('ends with its call', async () => {
    const demo = await DemoSource.open()
    const query = { source: 'demo', sql: 'SELECT 1', session: {}, purpose: 'read', estimate: true } as const
    await demo.source.plan({ ...query, estimate: false }, demo.context())
    const left = new GatewayError('CANCELLED')
    await expect(demo.source.plan(query, demo.context(AbortSignal.abort(left)))).rejects.toBe(left)
    await demo.source.close()
  })
})
