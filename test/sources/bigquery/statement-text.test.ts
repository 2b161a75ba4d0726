import { expect, it } from 'vitest'
import { readStatementText } from '../../../src/sources/bigquery/text/statement-text.ts'

it.each([
  ['SELECT 1 ORDER BY 1', true],
  ['SELECT * FROM (SELECT 1 ORDER BY 1)', false],
  ['(SELECT 1 AS a ORDER BY a)', true],
  ['SELECT "ORDER BY" -- ORDER BY\n', false],
  ['FROM t |> ORDER BY a |> LIMIT 3', true],
  ['SELECT RANK() OVER (ORDER BY a) FROM t', false],
  ["SELECT '''it's ORDER BY''' /* ORDER BY */ # ORDER BY", false],
  ['SELECT `ORDER` , a order /* x */ by b FROM t', true],
])('reads whether rows are ordered: %s', async (sql, isOrdered) => {
  expect((await readStatementText(sql)).isOrdered).toBe(isOrdered)
})

it.each([
  ['SELECT 1; SELECT 2', true],
  ['DECLARE x INT64 DEFAULT 1; SET x = 2; SELECT x;', true],
  ['CREATE TEMP TABLE t AS SELECT 1; SELECT * FROM t', true],
  ['CREATE OR REPLACE TEMP FUNCTION f() AS (1); SELECT f()', true],
  ['SELECT 1; DELETE FROM t WHERE true', false],
  ['CREATE TABLE t AS SELECT 1; SELECT 1', false],
  ["EXECUTE IMMEDIATE 'DELETE FROM t WHERE true'", false],
  ['BEGIN DELETE FROM t WHERE true; END', false],
  ['IF true THEN DELETE FROM t WHERE true; END IF', false],
  ["SELECT ';DELETE FROM t'", true],
  ['SELECT 1; -- a line ends here\rDELETE FROM t WHERE true', false],
  ['SELECT 1; -- \r/*\nDELETE FROM t WHERE true; -- */', false],
  ['SELECT 1; -- c\r\nSELECT 2', true],
  ['SELECT 1; # a line ends here\rDROP TABLE t', false],
  ['SELECT 1; FROM t |> WHERE a > 1 |> INSERT INTO d.u', false],
  ["SELECT 1; FROM t |> /* x */ EXPORT DATA OPTIONS (uri = 'gs://b/*')", false],
  ['SELECT 1; (SELECT a FROM t) |> CREATE TABLE d.u', false],
  ['SELECT 1; WITH a AS (SELECT 1) SELECT * FROM a |> create table d.u', false],
  ['SELECT 1; FROM t |> EXTEND a > INSERT_DATE AS b', true],
])('reads whether a script only reads: %s', async (sql, onlyReads) => {
  expect((await readStatementText(sql)).onlyReads).toBe(onlyReads)
})

it.each([
  ['SELECT ?', 'POSITIONAL'],
  ['SELECT @a', 'NAMED'],
  ['SELECT @`a b`', 'NAMED'],
  ["SELECT '?', @@time_zone", undefined],
])('reads how parameters are written: %s', async (sql, parameters) => {
  expect((await readStatementText(sql)).parameters).toBe(parameters)
})

it('names functions that are billed on their own', async () => {
  const { externalFunctions } = await readStatementText(
    "SELECT AI.GENERATE('x'), a.GENERATE FROM ML.GENERATE_TEXT(MODEL d.m, t), EXTERNAL_QUERY('c', 'SELECT 1')",
  )
  expect(externalFunctions).toEqual(['AI.GENERATE', 'ML.GENERATE_TEXT', 'EXTERNAL_QUERY'])
})

it.each([
  ['SELECT AI.GENERATE(x) FROM t', ['AI.GENERATE']],
  ['SELECT * FROM ML.GENERATE_TEXT(MODEL m, TABLE t)', ['ML.GENERATE_TEXT']],
  ['SELECT ML.PREDICT, STRUCT(1 AS ai).ai FROM t', []],
  ['SELECT ST_REGIONSTATS(g, r) FROM t', ['ST_REGIONSTATS']],
  ["CREATE TEMP FUNCTION f(x INT64) RETURNS INT64 LANGUAGE python AS '...'; SELECT f(1)", ['a function in Python']],
  ['CREATE FUNCTION d.f(x INT64) RETURNS INT64 REMOTE WITH CONNECTION c OPTIONS ()', ['a remote function']],
  ["CREATE TEMP FUNCTION f(x INT64) RETURNS INT64 LANGUAGE js AS 'return x'; SELECT f(1)", []],
  ["SELECT 'AI.GENERATE(x) LANGUAGE python' -- EXTERNAL_QUERY(", []],
])('reads which functions other services bill: %s', async (sql, functions) => {
  expect((await readStatementText(sql)).externalFunctions).toEqual(functions)
})
