import { expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

it.runIf(hasPython())('empty uploads, and session options without login or cookies, are accepted', async () => {
  const init = [
    'CREATE TABLE here (i INTEGER)',
    'CREATE SCHEMA other',
    'CREATE TABLE other.only_other AS SELECT 7 AS x',
  ]
  const gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', writes: true, init } } })
  const columns = 'i: int32\ns: string'
  expect(await runPython('small_habits.py', gateway.uri)).toEqual({
    adbc_without_batches: [0, 0],
    adbc_batch_of_no_rows: [0, columns],
    pyarrow_without_batches: columns,
    schema_of_a_session: ['other', [[7]]],
    schema_of_the_next: 'main',
    schema_with_cookies: ['other', [[7]]],
  })
  expect(await gateway.stop()).toBe(0)
})
