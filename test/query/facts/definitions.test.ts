import { expect, it } from 'vitest'
import { changedTable } from '../../../src/query/facts/changed-table.ts'
import { type Definitions, definedFacts } from '../../../src/query/facts/definitions.ts'
import { textFactsOf } from '../../../src/query/facts/facts-of.ts'

const definitions: Definitions = {
  views: new Map([
    ['plain', ['CREATE VIEW plain AS SELECT * FROM orders JOIN "Line AS item" USING (k);']],
    ['named as', ['CREATE VIEW "named AS" (a, b) AS SELECT * FROM main.plain;']],
    ['timed', ['CREATE VIEW timed AS SELECT now() FROM orders;']],
    ['twice', ['CREATE VIEW a.twice AS FROM orders;', 'CREATE VIEW b.twice AS SELECT random();']],
    ['own', ['CREATE VIEW own AS SELECT * FROM own;']],
  ]),
  functions: new Set(['UPPER', 'MINE', 'KEY']),
}

it.each([
  ['SELECT * FROM t, s.U, c.s."V"', { reads: ['t', 'u', 'v'] }],
  ['SELECT * FROM plain', { reads: ['plain', 'orders', 'line as item'] }],
  ['SELECT * FROM "named AS"', { reads: ['named as', 'plain', 'orders', 'line as item'] }],
  ['SELECT * FROM timed', { obstacle: 'volatile-function' }],
  ['SELECT * FROM x JOIN (SELECT * FROM s.timed) y ON true', { obstacle: 'volatile-function' }],
  ['SELECT * FROM a.twice', { obstacle: 'volatile-function' }],
  ['WITH timed AS (SELECT 1) SELECT * FROM timed', { reads: [] }],
  ['SELECT * FROM own', { reads: ['own'] }],
  ['SELECT upper(a) FROM t', { obstacle: 'unknown-function' }],
  ['SELECT lower(a) FROM t', { reads: ['t'] }],
  ['SELECT 1 AS a UNION ALL TABLE t', { reads: ['t'] }],
  ['WITH x AS (SELECT 1) TABLE t', { reads: ['t'] }],
  ['WITH x AS (SELECT 1) PIVOT t ON a USING sum(b)', { reads: ['t'] }],
  ['SELECT 1 UNION ALL PIVOT t ON a', { reads: ['t'] }],
  ['SELECT * FROM (PIVOT t ON a) JOIN (FROM u PIVOT (sum(a) FOR b IN (1))) ON true', { reads: ['t', 'u'] }],
  ['SELECT s.as FROM t', { reads: ['t'] }],
  ['SELECT 1 AS as FROM t', { reads: ['t'] }],
  ['SELECT a.not.distinct FROM t', { reads: ['t'] }],
  ['SELECT $1FROM t', { reads: ['t'] }],
  ['SELECT * FROM (WITH x AS (SELECT 1) FROM x) y, t', { reads: ['t'] }],
  ['SELECT key(1) FROM t', { obstacle: 'unknown-function' }],
  ['SELECT 1FROM t', { obstacle: 'unreadable' }],
  ['SELECT 0xAFROM t', { obstacle: 'unreadable' }],
  ['SELECT 0x1F, 1_000, 1.5e-3, .5, 1e5 FROM t', { reads: ['t'] }],
])('what %j reads, with views and macros', async (sql, expected) => {
  const facts = await definedFacts(await textFactsOf(sql, 'duckdb'), definitions, 'duckdb')
  expect(facts).toMatchObject(expected)
  expect('obstacle' in facts).toBe('obstacle' in expected)
})

it.each([
  ['INSERT INTO t VALUES (1)', 't'],
  ['insert or replace into "S"."T" values (1);', 't'],
  ['UPDATE a.b.C SET x = 1', 'c'],
  ['DELETE FROM t', 't'],
  ['DELETE FROM ONLY t WHERE x', 't'],
  ['MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE', 't'],
  ['INSERT INTO replace VALUES (1)', 'replace'],
  ['INSERT INTO t SELECT * FROM u; DELETE FROM u', undefined],
  ["INSERT INTO t VALUES ('", undefined],
  ['WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x', undefined],
  ['CREATE TABLE t (i INTEGER)', undefined],
  ['INSERT', undefined],
  ['INSERT INTO 1', undefined],
  ['TRUNCATE t', undefined],
])('the table that %j changes', (sql, table) => {
  expect(changedTable(sql, 'duckdb')).toBe(table)
})

it('functions that users have defined, if the operator has declared them', async () => {
  const declared = new Set(['UPPER', 'OWN'])
  const factsWith = async (sql: string) =>
    await definedFacts(await textFactsOf(sql, 'duckdb', undefined, declared), definitions, 'duckdb', declared)
  expect(await factsWith('SELECT upper(a), own(b) FROM t')).toMatchObject({ reads: ['t'] })
  expect(await factsWith('SELECT mine(a) FROM t')).toMatchObject({ obstacle: 'unknown-function' })
})
