import { describe, expect, it } from 'vitest'
import { hasParameters, statementKind } from '../../../src/sources/flightsql/statement-kind.ts'

describe('the kind of a statement', () => {
  it.each([
    ['SELECT 1', 'read'],
    ['-- INSERT\n SELECT 1', 'read'],
    ['/* x */ insert into t values (1)', 'change'],
    ['WITH a AS (SELECT 1) SELECT * FROM a', 'read'],
    ['WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a', 'change'],
    ["SELECT 'DELETE' AS a", 'read'],
    ['EXPLAIN SELECT 1', 'read'],
    ['EXPLAIN ANALYZE DELETE FROM t', 'change'],
    ['USE x', 'session'],
    ['ALTER SESSION SET a = 1', 'session'],
    ['ALTER TABLE t ADD COLUMN a INT', 'change'],
    ['BEGIN', 'session'],
    ['VALUES (1)', 'read'],
    ['', 'read'],
  ])('%s', (sql, kind) => {
    expect(statementKind(sql)).toBe(kind)
  })

  it.each([
    ['SELECT ?', true],
    ['SELECT $1', true],
    ['SELECT * FROM t WHERE a = :id', true],
    ['SELECT * FROM t WHERE a = @id', true],
    ['SELECT * FROM t WHERE a = $id', true],
    ['SELECT \'?\', "a?", `b:c` -- ? :d\n /* @e */', false],
    ['SELECT a::INTEGER, b[1:2], c FROM t', false],
    ['SELECT @@version', false],
  ])('takes parameters: %s %s', (sql, has) => {
    expect(hasParameters(sql)).toBe(has)
  })
})
