import { afterAll, beforeAll, expect, it } from 'vitest'
import { factsOfSource } from '../../../src/gateway/cache/facts-of-source.ts'
import { DemoSource } from '../../fault/demo-source.ts'

let demo: DemoSource
beforeAll(async () => {
  demo = await DemoSource.open({
    init: [
      'CREATE TABLE plain (a INTEGER, made TIMESTAMP DEFAULT now())',
      'CREATE TABLE timed (a INTEGER, n AS (now()), m AS (a + 1))',
      'CREATE TABLE doubled (a INTEGER, n AS (a * 2), "GENERATED" VARCHAR)',
      'CREATE VIEW of_timed AS SELECT n FROM timed',
      'CREATE MACRO top(x) AS x + random()',
    ],
  })
})
afterAll(async () => {
  await demo.source.close()
})

it.each([
  ['SELECT * FROM plain', undefined],
  ['SELECT * FROM doubled', undefined],
  ['SELECT n FROM timed', 'volatile-function'],
  ['SELECT * FROM of_timed', 'volatile-function'],
  ['SELECT top(1)', 'unknown-function'],
])('generated columns and macros count as a part of a statement: %j', async (sql, obstacle) => {
  const query = { source: 'demo', sql, session: {}, purpose: 'read' } as const
  const ctx = demo.context()
  const plan = await demo.source.plan(query, ctx)
  expect((await factsOfSource(plan.query, demo.source, ctx, undefined)).obstacle).toBe(obstacle)
})
