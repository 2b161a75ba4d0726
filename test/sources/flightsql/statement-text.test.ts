import { describe, expect, it } from 'vitest'
import { readStatement } from '../../../src/sources/flightsql/statements/statement-text.ts'

describe('the kind of a statement', () => {
  it.each([
    'SELECT 1',
    'select 1;',
    ' (SELECT 1) UNION (SELECT 2) ; -- done',
    '-- INSERT\n SELECT 1',
    '--INSERT\n SELECT 1',
    '/* DROP TABLE t; */ SELECT 1 /*+ hint */',
    'WITH a AS (SELECT 1) SELECT * FROM a',
    "SELECT 'DELETE; DROP', 'it''s; DROP', \"a;\"\"DROP\" AS a",
    'SELECT 1; SELECT 2; VALUES (1)',
    'SELECT t.update, u."delete", insert(a, 1, 2), merge, delete, a FROM t, u WHERE update = 1 AND (delete)',
    'SELECT replace(a, b) FROM t FOR UPDATE',
    'SELECT * FROM t FOR NO KEY UPDATE',
    'VALUES (1)',
    'TABLE t',
    'FROM t SELECT a',
    'SHOW CREATE TABLE t',
    'DESCRIBE t',
    'DESC t',
    'SUMMARIZE t',
    'EXPLAIN SELECT 1',
    'EXPLAIN ANALYZE SELECT 1',
    'EXPLAIN DELETE FROM t',
    'EXPLAIN QUERY PLAN DELETE FROM t',
    'EXPLAIN PLAN WITHOUT IMPLEMENTATION FOR SELECT 1',
    'EXPLAIN (FORMAT JSON) UPDATE t SET a = 1',
    'EXPLAIN FORMAT tree SELECT 1',
    'PRAGMA user_version',
    'PRAGMA main.user_version;',
    "PRAGMA table_info('t')",
    // Servers parse these differently, but no reading of them is a change.
    "SELECT * FROM t WHERE a LIKE '%\\' OR a LIKE 'b\\_' ESCAPE '\\';",
    "SELECT ['a', 'b'][1], `a b`, #1, 7 // 2, $$text$$, 5--1\n FROM t",
    '',
    ' ; -- nothing',
  ])('reads: %s', (sql) => {
    expect(readStatement(sql)).toMatchObject({ kind: 'read' })
  })

  it.each([
    '/* x */ insert into t values (1)',
    'UPDATE t SET a = 1',
    'ALTER TABLE t ADD COLUMN a INT',
    "ATTACH 'x' AS y",
    'DETACH y',
    'REINDEX',
    'VACUUM',
    'ROLLBACK',
    'CALL f()',
    'DO $$ x $$',
    '(DELETE FROM t)',
    '; DELETE FROM t',
    'SELECT 1; SELEC',
    'SELECT 1; DELETE FROM t',
    "SELECT ';' ; /* ; */ DROP TABLE t",
    'WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a',
    'WITH a AS (SELECT 1) DELETE FROM t',
    'WITH a AS (SELECT 1) UPDATE "t" SET a = 1',
    'WITH a AS (SELECT 1) MERGE INTO t USING a ON true WHEN MATCHED THEN DELETE',
    'WITH a AS (SELECT 1) REPLACE INTO t SELECT * FROM a',
    'WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a',
    '(WITH a AS (UPDATE ONLY t SET a = 1 RETURNING *) SELECT * FROM a)',
    'SELECT * FROM FINAL TABLE (DELETE FROM t)',
    'SELECT * FROM [DELETE FROM t RETURNING *]',
    'FROM a INSERT OVERWRITE TABLE t SELECT *',
    'SELECT * INTO t FROM a',
    'SELECT 1.INTO t',
    "SELECT a INTO OUTFILE 'x' FROM t",
    'EXPLAIN ANALYZE DELETE FROM t',
    'EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1',
    'EXPLAIN (VERBOSE, ANALYZE) WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a',
    'EXPLAIN ("analyze" true) DELETE FROM t',
    'EXPLAIN PRAGMA user_version = 7',
    'EXPLAIN',
    'EXPLAIN DROP TABLE t',
    'DESC ANALYZE DELETE FROM t',
    'PRAGMA user_version = 7',
    'PRAGMA user_version(7)',
    'PRAGMA main.user_version = 7',
    'PRAGMA optimize',
    'PRAGMA',
    'SELECT 1; PRAGMA user_version = 7',
  ])('changes data: %s', (sql) => {
    expect(readStatement(sql)).toMatchObject({ kind: 'change' })
  })

  it.each([
    ['a quote after a backslash', "SELECT '\\'' ; DELETE FROM t; --'"],
    ['a name in brackets', "SELECT 1 AS [a']; DELETE FROM t; --'"],
    ['a dollar-quoted literal', "SELECT $a$'$a$; DELETE FROM t; --'"],
    ['three quotes', "SELECT '''' ''' ; DELETE FROM t; --'"],
    ['a backtick', "SELECT `'` ; DELETE FROM t; --'"],
    ['an unterminated backtick', "SELECT ` ; DELETE FROM t; --'"],
    ['a comment after #', "SELECT 1 # '\n; DELETE FROM t; --'"],
    ['a comment after //', "SELECT 1 // '\n; DELETE FROM t; --'"],
    ['two minus signs', 'SELECT 5--1 ; DELETE FROM t'],
    ['a carriage return as the end of a line', 'SELECT 1 -- \r; DELETE FROM t'],
    ['nested comments', '/* /* */ SELECT 1 -- */\n DROP TABLE t'],
    ['nested comments around a change', 'SELECT 1 /* /* */ -- */ INTO t'],
    ['a comment that MySQL executes', 'SELECT 1 /*! INTO OUTFILE "x" */'],
    ['a comment that MySQL executes, at the start', '/*!DROP TABLE t */ SELECT 1'],
    ['an unterminated literal', "SELECT 1 ' ; DELETE FROM t"],
    ['an unterminated comment', 'SELECT 1 /* ; DELETE FROM t'],
    ['brackets in a pragma', "PRAGMA table_info([a')=1]) --'"],
  ])('changes data in at least one SQL dialect: %s', (_what, sql) => {
    expect(readStatement(sql)).toMatchObject({ kind: 'change' })
  })

  it.each(['SELEC 1', '1', '"SELECT" 1', 'give me two', 'EXPLAIN SELEC'])('is unknown: %s', (sql) => {
    expect(readStatement(sql)).toMatchObject({ kind: 'unknown' })
  })

  it.each(['USE x', 'ALTER SESSION SET a = 1', 'BEGIN', 'set a = 1', 'SELECT 1; USE x', 'DELETE FROM t; COMMIT'])(
    'changes the session: %s',
    (sql) => {
      expect(readStatement(sql)).toMatchObject({ kind: 'session' })
    },
  )

  it.each([
    ['SELECT ?', true],
    ['SELECT $1', true],
    ['SELECT * FROM t WHERE a = :id', true],
    ['SELECT * FROM t WHERE a = @id', true],
    ['SELECT * FROM t WHERE a = $id', true],
    ['SELECT \'?\', "a?", `b:c` -- ? :d\n /* @e */', false],
    ["-- don't\nSELECT ? -- it's", true],
    ['SELECT a::INTEGER, b[1:2], c FROM t', false],
    ['SELECT @@version', false],
  ])('takes parameters: %s %s', (sql, has) => {
    expect(readStatement(sql)).toMatchObject({ hasParameters: has })
  })
})
