import { describe, expect, it } from 'vitest'
import { plainInsert } from '../../../src/sources/duckdb/bind/plain-insert.ts'
import { cpuMs } from '../../cpu-time.ts'

describe('plainInsert', () => {
  it.each([
    ['INSERT INTO t VALUES (?)', 'INSERT INTO t', 1],
    ['insert into t values(?,?) ; ', 'insert into t', 2],
    [
      ' INSERT\nINTO demo.main."a ""b"" c" ( x, "y, z" )\nVALUES ($1, $2)',
      'INSERT\nINTO demo.main."a ""b"" c" ( x, "y, z" )',
      2,
    ],
    ['INSERT INTO "t"VALUES (?)', 'INSERT INTO "t"', 1],
    ['INSERT INTO größe (länge) VALUES (?)', 'INSERT INTO größe (länge)', 1],
  ])('accepts %j', (sql, into, parameterCount) => {
    expect(plainInsert(sql)).toEqual({ into, parameterCount })
  })

  it.each([
    'INSERT INTO t VALUES (?), (?)',
    'INSERT INTO t VALUES (? + 1)',
    "INSERT INTO t VALUES (?, 'x')",
    'INSERT INTO t VALUES (?, DEFAULT)',
    'INSERT INTO t VALUES ($2, $1)',
    'INSERT INTO t VALUES ($1, $1)',
    'INSERT INTO t VALUES ($name)',
    'INSERT INTO t VALUES (?) RETURNING *',
    'INSERT INTO t VALUES (?) ON CONFLICT DO NOTHING',
    'INSERT OR REPLACE INTO t VALUES (?)',
    'INSERT INTO t BY NAME VALUES (?)',
    'INSERT INTO t SELECT ?',
    'WITH x AS (SELECT 1) INSERT INTO t VALUES (?)',
    'INSERT INTO t /* VALUES (?) */ VALUES (?)',
    'INSERT INTO t VALUES (?) -- RETURNING *',
    'UPDATE t SET x = ?',
  ])('rejects %j', (sql) => {
    expect(plainInsert(sql)).toBeUndefined()
  })

  it('takes linear time on long white space', () => {
    const spaces = ' '.repeat(200_000)
    const before = cpuMs()
    for (const sql of [`INSERT INTO t VALUES (?)${spaces}x`, `INSERT INTO t${spaces}(a${spaces}x`, `${spaces}x`])
      expect(plainInsert(sql)).toBeUndefined()
    expect(cpuMs() - before).toBeLessThan(5000)
  })
})
