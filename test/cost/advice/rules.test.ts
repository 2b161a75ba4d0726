import { describe, expect, it } from 'vitest'
import { adviseOn, rewritten } from './advise-on.ts'

const rulesOf = (sql: string) => adviseOn(sql).map(({ rule }) => rule)

describe('conditions on the partition column become ranges on the column', () => {
  it.each([
    ["DATE(ts) = '2024-01-31'", "ts >= TIMESTAMP '2024-01-31' AND ts < TIMESTAMP '2024-02-01'"],
    ["'2024-01-31' < DATE(ts)", "ts >= TIMESTAMP '2024-02-01'"],
    ["CAST(ts AS DATE) <= DATE '2024-01-31'", "ts < TIMESTAMP '2024-02-01'"],
    ["EXTRACT(DATE FROM ts) > '2024-01-31'", "ts >= TIMESTAMP '2024-02-01'"],
    ["DATE(ts) BETWEEN '2024-01-01' AND '2024-01-31'", "ts >= TIMESTAMP '2024-01-01' AND ts < TIMESTAMP '2024-02-01'"],
    ["TIMESTAMP_TRUNC(ts, MONTH) = '2024-02-01'", "ts >= TIMESTAMP '2024-02-01' AND ts < TIMESTAMP '2024-03-01'"],
    ["FORMAT_TIMESTAMP('%Y-%m', ts) = '2024-12'", "ts >= TIMESTAMP '2024-12-01' AND ts < TIMESTAMP '2025-01-01'"],
    ['EXTRACT(YEAR FROM ts) < 2024', "ts < TIMESTAMP '2024-01-01'"],
    ["CAST(ts AS STRING) LIKE '2024-02-29%'", "ts >= TIMESTAMP '2024-02-29' AND ts < TIMESTAMP '2024-03-01'"],
    [
      "DATE(ts, 'Asia/Tokyo') = '2024-01-31'",
      "ts >= TIMESTAMP '2024-01-31 00:00:00 Asia/Tokyo' AND ts < TIMESTAMP '2024-02-01 00:00:00 Asia/Tokyo'",
    ],
    [
      'DATE(ts) = CURRENT_DATE()',
      'ts >= TIMESTAMP(CURRENT_DATE()) AND ts < TIMESTAMP(DATE_ADD(CURRENT_DATE(), INTERVAL 1 DAY))',
    ],
    ['DATE(ts) >= DATE_SUB(CURRENT_DATE, INTERVAL 7 DAY)', 'ts >= TIMESTAMP(DATE_SUB(CURRENT_DATE, INTERVAL 7 DAY))'],
  ])('%s on a TIMESTAMP', (condition, range) => {
    const sql = (text: string) => `SELECT id FROM d.events WHERE kind = 'a' AND ${text} AND amount > 1`
    expect(rewritten(sql(condition), 'wrapped_partition_filter')).toBe(sql(range))
  })

  it.each([
    ["CAST(o_date AS STRING) LIKE '2024-%'", "o_date >= DATE '2024-01-01' AND o_date < DATE '2025-01-01'"],
    ["SUBSTR(CAST(o_date AS STRING), 1, 7) = '2024-02'", "o_date >= DATE '2024-02-01' AND o_date < DATE '2024-03-01'"],
    ["FORMAT_DATE('%Y%m%d', o_date) = '20240229'", "o_date = DATE '2024-02-29'"],
    ["FORMAT_DATE('%Y-%m', o_date) IN ('2024-01')", undefined],
    ["TIMESTAMP(o_date) > TIMESTAMP '2024-02-01'", "o_date >= DATE '2024-02-02'"],
    ["DATE_TRUNC(o_date, QUARTER) = '2024-04-01'", "o_date >= DATE '2024-04-01' AND o_date < DATE '2024-07-01'"],
    ["DATE_TRUNC(o_date, QUARTER) = '2024-05-01'", undefined],
    ["FORMAT_DATE('%Y-%m-%d', o_date) = '2024-02-30'", undefined],
    ['DATE_ADD(o_date, INTERVAL 1 WEEK) >= CURRENT_DATE()', 'o_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 WEEK)'],
    ['DATE_ADD(o_date, INTERVAL 1 MONTH) >= CURRENT_DATE()', undefined],
    ['DATE_DIFF(CURRENT_DATE(), o_date, DAY) < 30', 'o_date > DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)'],
    ["COALESCE(o_date, DATE '1970-01-01') > DATE '2024-01-01'", "o_date > DATE '2024-01-01'"],
    ["COALESCE(o_date, DATE '2030-01-01') > DATE '2024-01-01'", undefined],
    ["NOT FORMAT_DATE('%Y', o_date) = '2024'", undefined],
    ["FORMAT_DATE('%Y', o_date) NOT LIKE '2024%'", undefined],
  ])('%s on a DATE', (condition, range) => {
    const sql = (text: string) => `SELECT o_id FROM d.orders AS o WHERE ${text}`
    expect(rewritten(sql(condition), 'wrapped_partition_filter')).toBe(range && sql(range))
  })

  it('keeps the qualifier, comments and characters beyond the basic plane as they are', () => {
    const sql = (text: string) =>
      `SELECT '😀' /* 😀 é */ , e.id\nFROM d.events e -- 😀\nWHERE e.kind = '😀' AND ${text}`
    expect(rewritten(sql("DATE(e.ts) >= '2024-01-31'"), 'wrapped_partition_filter')).toBe(
      sql("e.ts >= TIMESTAMP '2024-01-31'"),
    )
  })

  it.each([
    ['d.events, UNNEST(items) i', "ts >= TIMESTAMP '2024-01-01' AND ts < TIMESTAMP '2024-01-02'"],
    ['d.events JOIN d.unknown USING (id)', "ts >= TIMESTAMP '2024-01-01' AND ts < TIMESTAMP '2024-01-02'"],
    ['d.orders JOIN d.unknown USING (o_id)', undefined],
  ])('a column without a qualifier belongs to the table that has it: %s', (from, range) => {
    const sql = (text: string) => `SELECT 1 FROM ${from} WHERE ${text}`
    expect(rewritten(sql("DATE(ts) = '2024-01-01'"), 'wrapped_partition_filter')).toBe(range && sql(range))
  })

  it('a condition with a time of day is no day', () => {
    const sql = "SELECT id FROM d.events WHERE CAST(ts AS DATETIME) > '2024-01-01 00:00:00'"
    expect(rewritten(sql, 'wrapped_partition_filter')).toBeUndefined()
  })

  it('works for UPDATE and DELETE', () => {
    expect(
      rewritten("DELETE FROM d.orders WHERE FORMAT_DATE('%Y%m', o_date) = '202401'", 'wrapped_partition_filter'),
    ).toBe("DELETE FROM d.orders WHERE o_date >= DATE '2024-01-01' AND o_date < DATE '2024-02-01'")
  })
})

describe('conditions of an outer query', () => {
  it('move into the query with a window function that partitions by the column', () => {
    const sql = (inner: string) =>
      `SELECT n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY o_user, o_date ORDER BY o_id) n FROM d.orders${inner}) WHERE o_date >= '2024-01-01'`
    expect(rewritten(sql(''), 'outer_partition_filter')).toBe(sql(" WHERE o_date >= '2024-01-01'"))
  })

  it.each([
    ['another window', 'SELECT *, ROW_NUMBER() OVER (PARTITION BY o_user ORDER BY o_id) n FROM d.orders'],
    ['a LIMIT', 'SELECT *, 1 AS n FROM d.orders LIMIT 10'],
    ['an aggregate of it', 'SELECT MAX(o_date) o_date, 1 AS n FROM d.orders GROUP BY o_user'],
    ['a derived column', 'SELECT DATE_ADD(o_date, INTERVAL 1 DAY) AS o_date, 1 AS n FROM d.orders'],
  ])('stay outside of a query with %s', (_, inner) => {
    expect(rulesOf(`SELECT n FROM (${inner}) WHERE o_date >= '2024-01-01'`)).not.toContain('outer_partition_filter')
  })
})

describe('SELECT *', () => {
  it('of a subquery names the used columns', () => {
    expect(
      rewritten('SELECT t.o_id, o_user + 1 FROM (SELECT DISTINCT o_user, o_id FROM d.orders) t', 'select_star'),
    ).toBe(undefined)
    expect(rewritten('WITH a AS (SELECT * FROM d.orders) SELECT o_id FROM a ORDER BY o_user', 'select_star')).toBe(
      'WITH a AS (SELECT o_id, o_user FROM d.orders) SELECT o_id FROM a ORDER BY o_user',
    )
  })

  it.each([
    'SELECT COUNT(*) FROM (SELECT DISTINCT * FROM d.orders)',
    'SELECT TO_JSON_STRING(t) FROM (SELECT * FROM d.orders) t',
    'SELECT t.* FROM (SELECT * FROM d.orders) t',
    'WITH RECURSIVE a AS (SELECT * FROM d.orders UNION ALL SELECT * FROM a) SELECT o_id FROM a',
    'SELECT o_id FROM (SELECT * FROM d.orders UNION DISTINCT SELECT * FROM d.orders)',
    'SELECT o_id FROM (SELECT * FROM d.orders UNION ALL SELECT id, id, ts, kind, kind, kind FROM d.events)',
    'SELECT o_id FROM (SELECT * FROM d.orders) NATURAL JOIN d.users',
  ])('%s: is not narrowed', (sql) => {
    expect(
      adviseOn(sql).filter(({ rule, edits, result }) => rule === 'select_star' && edits && result === 'same'),
    ).toEqual([])
  })

  it('keeps the names of EXCEPT', () => {
    expect(
      rewritten('SELECT o_id FROM (SELECT * EXCEPT (o_user) FROM (SELECT * FROM d.orders) a) b', 'select_star'),
    ).toBe('SELECT o_id FROM (SELECT * EXCEPT (o_user) FROM (SELECT o_id, o_user FROM d.orders) a) b')
  })

  it('of a result is described by the size of the columns, with an example', () => {
    const [advice] = adviseOn('SELECT * FROM d.orders WHERE o_date = "2024-01-01"')
    expect(advice).toMatchObject({ rule: 'select_star', result: 'example' })
    expect(advice!.message).toMatch(/reads all 6 columns of d\.orders \(10 GB\).*about 88 %/)
    expect(advice!.example).toMatch(/^As an example/)
  })
})

describe('wildcard tables', () => {
  it.each([
    ["_TABLE_SUFFIX BETWEEN '20240101' AND '20240131'", 'ev_202401*', "_TABLE_SUFFIX BETWEEN '01' AND '31'"],
    ["_TABLE_SUFFIX = '20240101'", 'ev_20240101', 'TRUE'],
    ["_TABLE_SUFFIX LIKE '2024%'", 'ev_2024*', 'TRUE'],
    [
      "PARSE_DATE('%Y%m%d', _TABLE_SUFFIX) >= DATE_SUB(CURRENT_DATE(), INTERVAL 7 DAY)",
      'ev_*',
      "_TABLE_SUFFIX >= FORMAT_DATE('%Y%m%d', DATE_SUB(CURRENT_DATE(), INTERVAL 7 DAY))",
    ],
    ['CAST(_TABLE_SUFFIX AS INT64) >= 20240101', 'ev_*', "_TABLE_SUFFIX >= '20240101'"],
    ["SUBSTR(_TABLE_SUFFIX, 1, 6) = '202402'", 'ev_*', "_TABLE_SUFFIX >= '20240201' AND _TABLE_SUFFIX < '20240301'"],
  ])('%s', (condition, table, range) => {
    const sql = (name: string, text: string) => `SELECT a FROM \`p.d.${name}\` WHERE ${text} AND b = 1`
    expect(rewritten(sql('ev_*', condition), 'sharded_tables')).toBe(sql(table, range))
  })

  it.each(["SAFE.PARSE_DATE('%Y%m%d', _TABLE_SUFFIX) >= '2024-01-01'", 'SAFE_CAST(_TABLE_SUFFIX AS INT64) > 20240101'])(
    '%s also skips other suffixes, so there is no rewrite',
    (condition) => {
      expect(rewritten(`SELECT a FROM \`d.ev_*\` WHERE ${condition}`, 'sharded_tables')).toBeUndefined()
    },
  )

  it('works beside UNNEST', () => {
    const sql = (text: string) => `SELECT a FROM \`d.ev_*\`, UNNEST(params) p WHERE ${text}`
    expect(rewritten(sql('CAST(_TABLE_SUFFIX AS INT64) > 20240101'), 'sharded_tables')).toBe(
      sql("_TABLE_SUFFIX >= '20240102'"),
    )
  })

  it('without a condition, or with one on a query', () => {
    expect(rewritten('SELECT a FROM `d.ev_*` e', 'sharded_tables')).toBe(
      "SELECT a FROM `d.ev_*` e WHERE _TABLE_SUFFIX >= '20240417'",
    )
    expect(rulesOf('SELECT a FROM `d.ev_*` WHERE _TABLE_SUFFIX = (SELECT MAX(key) FROM d.users)')).toContain(
      'sharded_tables',
    )
  })
})

describe('other rules', () => {
  it.each([
    ['missing_partition_filter', 'SELECT id FROM d.events'],
    ['dynamic_partition_filter', 'SELECT id FROM d.events WHERE ts = (SELECT MAX(ts) FROM d.events_old)'],
    ['cluster_filter', "SELECT id FROM d.events WHERE ts > '2024-01-01' AND kind = 'a'"],
    ['preview', 'SELECT * FROM d.users LIMIT 10'],
    ['limit', 'SELECT name FROM (SELECT name FROM d.users LIMIT 10)'],
    ['repeated_cte', 'WITH a AS (SELECT id FROM d.users) SELECT 1 FROM a JOIN a b ON a.id = b.id'],
    ['cross_join', 'SELECT 1 FROM d.users u, d.orders o WHERE u.id > 1'],
    ['self_join', 'SELECT 1 FROM d.users a JOIN d.users b ON a.id = b.id'],
    ['join_key_type', 'SELECT 1 FROM d.users u JOIN d.orders o ON u.key = o.o_key'],
    ['order_by_without_limit', 'SELECT name FROM d.users ORDER BY name'],
    ['single_row_insert', 'INSERT INTO d.users (id) VALUES (1)'],
  ])('%s: %s', (rule, sql) => {
    expect(rulesOf(sql)).toContain(rule)
  })

  it.each([
    ['missing_partition_filter', "SELECT id FROM d.events WHERE ts > '2024-01-01'"],
    ['missing_partition_filter', "WITH a AS (SELECT * FROM d.events) SELECT id FROM a WHERE ts > '2024-01-01'"],
    ['wrapped_partition_filter', "SELECT id FROM d.events WHERE DATE(ts) IN ('2024-01-01')"],
    ['cross_join', 'SELECT 1 FROM d.users u, d.orders o WHERE u.id = o.o_user'],
    ['cross_join', 'SELECT 1 FROM d.users u, UNNEST([1, 2]) x'],
    ['cross_join', 'SELECT 1 FROM d.users u CROSS JOIN u.items'],
    ['order_by_without_limit', 'SELECT name FROM d.users ORDER BY name LIMIT 10'],
    ['order_by_in_subquery', 'SELECT ARRAY(SELECT id FROM d.users ORDER BY id)'],
    ['order_by_in_subquery', 'SELECT STRING_AGG(name) FROM (SELECT name FROM d.users ORDER BY name)'],
    ['unused_columns', 'SELECT one FROM (SELECT 1 AS one, COUNT(*) AS n FROM d.users)'],
    ['unused_columns', 'SELECT one FROM (SELECT 1 AS one, ? AS n FROM d.users)'],
    [
      'outer_partition_filter',
      'SELECT 1 FROM (SELECT * FROM d.orders) WHERE o_date > DATE_SUB("2024-01-01", INTERVAL CAST(RAND() AS INT64) DAY)',
    ],
    ['preview', 'SELECT COUNT(*) FROM d.users LIMIT 10'],
    ['semi_join', 'SELECT 1 FROM d.users WHERE id IN (SELECT o_user FROM d.orders GROUP BY o_user)'],
    ['single_row_insert', 'INSERT INTO d.users (id) VALUES (1), (2)'],
    ['cached_results', 'CREATE TABLE d.x AS SELECT CURRENT_DATE() AS today FROM d.users'],
    ['cached_results', 'SELECT current_date FROM (SELECT 1 AS x)'],
  ])('no %s: %s', (rule, sql) => {
    expect(rulesOf(sql)).not.toContain(rule)
  })

  it.each([
    [
      'latest_row',
      'SELECT * FROM d.orders QUALIFY ROW_NUMBER() OVER (PARTITION BY o_user ORDER BY o_date DESC) = 1',
      'SELECT AS VALUE ARRAY_AGG(orders ORDER BY o_date DESC LIMIT 1)[OFFSET(0)] FROM d.orders GROUP BY o_user',
    ],
    [
      'semi_join',
      'SELECT 1 FROM d.users WHERE id IN (SELECT o_user FROM d.orders)',
      'SELECT 1 FROM d.users WHERE id IN (SELECT DISTINCT o_user FROM d.orders)',
    ],
    ['count_distinct', 'SELECT COUNT(DISTINCT name) FROM d.users', 'SELECT APPROX_COUNT_DISTINCT(name) FROM d.users'],
    [
      'regexp_contains',
      "SELECT 1 FROM d.users WHERE REGEXP_CONTAINS(name, r'^Ann.*')",
      "SELECT 1 FROM d.users WHERE (name LIKE 'Ann%')",
    ],
    [
      'order_by_in_subquery',
      'SELECT name FROM (SELECT name FROM d.users ORDER BY name) LIMIT 3',
      'SELECT name FROM (SELECT name FROM d.users) LIMIT 3',
    ],
    [
      'cached_results',
      "SELECT name FROM d.users WHERE d = CURRENT_DATE('Pacific/Kiritimati') OR d = CURRENT_DATE",
      "SELECT name FROM d.users WHERE d = DATE '2024-05-18' OR d = DATE '2024-05-17'",
    ],
    [
      'unused_columns',
      'WITH a AS (SELECT name, id AS i, key FROM d.users) SELECT i FROM a',
      'WITH a AS (SELECT id AS i FROM d.users) SELECT i FROM a',
    ],
  ])('%s: %s', (rule, sql, expected) => {
    expect(rewritten(sql, rule)).toBe(expected)
  })

  it.each(["r'a.c'", "'a|b'", "r'a_c'", "'100%'", 'pattern', "r'^.*a'"])('REGEXP_CONTAINS with %s stays', (pattern) => {
    expect(rewritten(`SELECT REGEXP_CONTAINS(name, ${pattern}) FROM d.users`, 'regexp_contains')).toBeUndefined()
  })

  it('reads each statement of a script', () => {
    const sql =
      "DECLARE x INT64 DEFAULT 1;\nSELECT id FROM d.users;\nSELECT id FROM d.events WHERE DATE(ts) > '2024-01-01';"
    expect(rewritten(sql, 'wrapped_partition_filter')).toBe(
      sql.replace("DATE(ts) > '2024-01-01'", "ts >= TIMESTAMP '2024-01-02'"),
    )
  })
})
