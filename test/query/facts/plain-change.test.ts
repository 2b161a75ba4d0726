import { describe, expect, it } from 'vitest'
import { plainChange } from '../../../src/query/facts/plain-change.ts'

const list = (length: number) => Array.from({ length }, (_, i) => `(${i})`).join(', ')

describe('a plain change', () => {
  it.each([
    ['INSERT INTO a.t (x, y) SELECT 1, 2 FROM s', { table: ['a', 't'], isRead: false, rest: 'SELECT 1, 2 FROM s' }],
    ['UPDATE t SET x = 1', { table: ['t'], isRead: true, rest: 'SELECT 1 AS x, SET x = 1' }],
    ['DELETE FROM t WHERE x IN (SELECT y FROM s);', { table: ['t'], isRead: true }],
    ['DELETE FROM t USING s', undefined],
    ['INSERT INTO t VALUES (1); DROP TABLE t', undefined],
    ['MERGE INTO t', undefined],
  ])('%s', async (sql, change) => {
    const found = await plainChange(sql, 'duckdb')
    if (change) expect(found).toMatchObject(change)
    else expect(found).toBeUndefined()
  })

  it.each([
    ['values', `INSERT INTO t VALUES ${list(80_000)}`],
    ['columns', `INSERT INTO t (${Array(200_000).fill('abc').join()}) VALUES (1)`],
    ['conditions', `DELETE FROM t WHERE ${Array(100_000).fill('a = 1').join(' OR ')}`],
    ['parts of its name', `INSERT INTO ${'a.'.repeat(250_000)}t VALUES (1)`],
  ])('with many %s is read in turns', async (_, sql) => {
    let turns = 0
    const count = () => {
      turns++
      next = setImmediate(count)
    }
    let next = setImmediate(count)
    const change = await plainChange(sql, 'duckdb', { signal: new AbortController().signal })
    clearImmediate(next)
    expect(change?.table.at(-1)).toBe('t')
    expect(turns).toBeGreaterThan(3)
  })

  it('a client that leaves ends the reading of a long one', async () => {
    const sql = `INSERT INTO t VALUES ${list(90_000)}`
    await expect(async () => await plainChange(sql, 'duckdb', { signal: AbortSignal.abort('left') })).rejects.toBe(
      'left',
    )
  })
})
