import { expect, it } from 'vitest'
import type { Context, Query } from '../../../src/query/types.ts'
import type { UpstreamCatalog } from '../../../src/sources/flightsql/catalog.ts'
import { OwnName } from '../../../src/sources/flightsql/statements/own-source-name.ts'

const ctx = { signal: new AbortController().signal } as Context
const catalog = (has: boolean) => ({ hasOwn: async () => has }) as unknown as UpstreamCatalog
const query = (sql: string, more: Partial<Query> = {}): Query => ({
  source: 'lake',
  sql,
  session: {},
  purpose: 'any',
  ...more,
})
const withoutName = async (sql: string, has = false) =>
  (await new OwnName(catalog(has), 'lake', false).removeFrom(query(sql), ctx)).sql

it.each([
  ['SELECT * FROM lake.space.t', 'SELECT * FROM space.t'],
  ['SELECT * FROM "LAKE" . "a space"."t"', 'SELECT * FROM "a space"."t"'],
  ['SELECT lake.s.t.c, lake.s.c FROM Lake.s.t, lake.s.u x', 'SELECT s.t.c, lake.s.c FROM s.t, s.u x'],
  [
    "SELECT 'FROM lake.s.t', lake.c -- FROM lake.s.t\nFROM t lake",
    "SELECT 'FROM lake.s.t', lake.c -- FROM lake.s.t\nFROM t lake",
  ],
  ['SELECT * FROM other.lake.t', 'SELECT * FROM other.lake.t'],
  ['SELECT * FROM lakes.s.t', 'SELECT * FROM lakes.s.t'],
  ['INSERT INTO lake.s.t SELECT * FROM (SELECT * FROM lake.s.u)', 'INSERT INTO s.t SELECT * FROM (SELECT * FROM s.u)'],
  ['CREATE VIEW lake.s.v AS SELECT 1', 'CREATE VIEW s.v AS SELECT 1'],
  ['SELECT $$ FROM lake.s.t $$', 'SELECT $$ FROM lake.s.t $$'],
])('the source’s own name is removed from the tables of %s', async (sql, expected) => {
  expect(await withoutName(sql)).toBe(expected)
})

it('the source’s own name stays if the server has a catalog of that name, and in raw commands', async () => {
  expect(await withoutName('SELECT * FROM lake.s.t', true)).toBe('SELECT * FROM lake.s.t')
  const raw = query('read FROM lake.s.t', { rawCommand: true })
  expect(await new OwnName(catalog(false), 'lake', true).removeFrom(raw, ctx)).toBe(raw)
})

it('the source’s own name is removed from long statements too, up to a bound of occurrences', async () => {
  const tables = (count: number) => Array.from({ length: count }, (_, i) => `lake.s.t${i}`).join(', ')
  const sql = await withoutName(`SELECT * FROM ${tables(60_000)}`)
  expect([sql.includes('lake'), sql.endsWith(', s.t59999')]).toEqual([false, true])
  const written = `SELECT * FROM ${tables(70_000)}`
  expect(await withoutName(written)).toBe(written)
})
