import { describe, expect, it } from 'vitest'
import { PlanCache } from '../../../src/sources/duckdb/plan-cache.ts'

const versionsAfter = (sql?: string) => {
  const plans = new PlanCache(false, () => ({ losslessTypes: false, dictionaries: false }))
  plans.invalidate(sql)
  return [plans.version, plans.definitionsVersion]
}

describe('the version of views and functions', () => {
  it.each([
    'INSERT INTO t VALUES (1)',
    '\n update t SET a = 1;\n',
    'DELETE FROM t',
    'create or replace temp table t AS SELECT 1',
    'DROP TABLE t',
  ])('stays after %s, so that the next read does not list them again', (sql) => {
    expect(versionsAfter(sql)).toEqual([1, 0])
  })

  it.each([
    'CREATE VIEW v AS SELECT 1',
    'CREATE TABLE t (a INTEGER, n AS (now()))',
    'CREATE TABLE t (a INTEGER, n TIMESTAMP GENERATED ALWAYS AS(now()) VIRTUAL)',
    'CREATE MACRO m(a) AS a',
    'INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT random()',
    "DELETE FROM t WHERE a = ';'; CREATE MACRO m(a) AS a",
    'ATTACH DATABASE',
    'EXECUTE prepared',
    '/* a comment */ INSERT INTO t VALUES (1)',
    undefined,
  ])('changes after %s', (sql) => {
    expect(versionsAfter(sql)).toEqual([1, 1])
  })
})
