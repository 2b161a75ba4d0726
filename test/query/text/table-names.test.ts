import { expect, it } from 'vitest'
import { readTableHeads } from '../../../src/query/text/table-names.ts'
import { readUse } from '../../../src/query/text/use-names.ts'

const heads = async (sql: string) =>
  (await readTableHeads(sql)).map(({ name, isCatalog }) => (isCatalog ? name : `${name}?`))

it.each([
  ['SELECT * FROM demo.main.nation', ['demo']],
  ['SELECT * FROM Demo . "main" . nation', ['demo']],
  ['SELECT * FROM "DE""MO"."main"."nation"', ['de"mo']],
  ['SELECT * FROM demo.nation', ['demo?']],
  ['SELECT * FROM nation', []],
  ['SELECT * FROM a.b.c, d.e.f x, LATERAL g.h.i JOIN j.k.l ON true', ['a', 'd', 'g', 'j']],
  ['SELECT a.b.c, d.e.f FROM t WHERE g.h.i = 1 GROUP BY j.k.l, m.n.o ORDER BY p.q.r, s.t.u', []],
  ['FROM a.b.c SELECT d.e.f, g.h.i', ['a']],
  ['SELECT * FROM (a.b.c JOIN d.e.f USING (x)), (SELECT * FROM g.h.i)', ['a', 'd', 'g']],
  [
    "SELECT extract(year FROM s.a.d), trim(BOTH FROM s.a.b), substring(s.a.b FROM s.a.c FOR 2), 'FROM a.b.c' FROM t s",
    [],
  ],
  ['SELECT a IS DISTINCT FROM s.b.c FROM t s', []],
  ['SELECT 1 -- FROM a.b.c\n/* FROM d.e.f */ FROM g.h.i --FROM j.k.l\n', ['g']],
  ['SELECT $$ FROM a.b.c $$', []],
  ["SELECT $$it's$$, ' FROM a.b.c '", []],
  ['SELECT "FROM a.b.c" FROM t', []],
  ['WITH demo AS (SELECT * FROM a.b.c) SELECT demo.x.y FROM demo', ['a']],
  ['SELECT list[1] FROM a.b.c', ['a']],
  ['INSERT INTO a.b.c SELECT * FROM d.e.f', ['a', 'd']],
  ['UPDATE a.b.c SET x = s.t.u, y = v.w.x FROM d.e.f', ['a', 'd']],
  ['DELETE FROM a.b.c USING d.e.f WHERE true', ['a', 'd']],
  ['MERGE INTO a.b.c USING d.e.f ON true WHEN MATCHED THEN DELETE', ['a', 'd']],
  ['CREATE OR REPLACE TABLE a.b.c AS FROM d.e.f', ['a', 'd']],
  ['CREATE TABLE IF NOT EXISTS a.b.c (i INTEGER, j DECIMAL(9, 2))', ['a']],
  ['DROP VIEW IF EXISTS a.b.c; ALTER TABLE d.e.f ADD COLUMN x INTEGER', ['a', 'd']],
  ['CREATE INDEX i ON a.b.c (x)', ['a']],
  ['SELECT * FROM t x JOIN u y ON x.b.c = y.b.c', []],
  ['CREATE SCHEMA a.b', ['a']],
  ['DROP SCHEMA IF EXISTS a.b', ['a']],
  ['DESCRIBE a.b.c', ['a']],
  ['SHOW a.b.c', ['a']],
  ['SHOW TABLES FROM a.b', ['a?']],
  ['SELECT show, a.b.c FROM t', []],
  ['SUMMARIZE a.b.c', ['a']],
  ['COPY a.b.c FROM STDIN', ['a']],
  ['SELECT * FROM type.main.t', ['type']],
  ['SELECT 1.5.x FROM range(3)', []],
  ['SELECT * FROM my-project.shop.orders', ['my-project']],
  ['SELECT * FROM My-Project-1a.shop.orders o JOIN p-2.shop.customer', ['my-project-1a', 'p-2']],
  ['SELECT * FROM my-from-join.shop.orders', ['my-from-join']],
  ['SELECT * FROM my-project.shop.orders-1.x, c.d.e', ['my-project', 'c']],
  ['SELECT a-b.c.d FROM t WHERE x-y.z.w > 1 -- e.f.g', []],
  ['SELECT * FROM my -project.shop.orders', []],
  ['SELECT * FROM my- project.shop.orders', []],
  ['SELECT * FROM `my-project`.`shop`.`orders`', ['my-project']],
  ['SELECT * FROM `my-project.shop.orders` o, `p.shop`.customer', ['my-project', 'p']],
  ['SELECT * FROM `shop.orders`', ['shop?']],
  ['SELECT * FROM `example.com:p.shop.orders`', ['example.com:p']],
  ['SELECT `a` FROM `orders`, a.b.c', ['a']],
  ['SELECT `a\\`, x FROM a.b.c', []],
  ['SELECT `a FROM a.b.c', []],
  ['CREATE SCHEMA my-project.shop', ['my-project']],
  ['INSERT INTO my-project.shop.orders SELECT 1', ['my-project']],
])('the first parts of the table names in %s', async (sql, expected) => {
  expect(await heads(sql)).toEqual(expected)
})

it('table names of long statements are found, up to a bound', async () => {
  const joins = Array.from({ length: 20_000 }, (_, i) => `c${i}.s.t`).join(', ')
  expect(await heads(`SELECT * FROM ${joins}`)).toHaveLength(256)
  expect(await heads(`SELECT ${'('.repeat(200_000)} FROM a.b.c`)).toEqual([])
  expect(await heads(`SELECT * FROM ${'a.'.repeat(100_000)}b`)).toEqual(['a'])
})

it.each([
  ['USE demo', ['demo']],
  ['use "de""mo" . main ; -- now', ['de"mo', 'main']],
  ['/* c */ USE a.b.c', ['a', 'b', 'c']],
  ['USE my-project', ['my-project']],
  ['USE my-project-1a.shop;', ['my-project-1a', 'shop']],
  ['USE `my-project`.shop', ['my-project', 'shop']],
  ['USE my -project', undefined],
  ['USE my- project', undefined],
  ['USE my-', undefined],
  ['USE my-.shop', undefined],
  ['USE my.shop-1', undefined],
  ['USE a1 2', undefined],
  ['USE', undefined],
  ['USE a b', undefined],
  ['USE a.', undefined],
  ["USE 'a'", undefined],
  ['USE a; SELECT 1', undefined],
  ['USER a', undefined],
  ['SELECT 1', undefined],
])('%s chooses %j', (sql, expected) => {
  expect(readUse(sql)).toEqual(expected)
})
