import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BigQuerySource } from '../../../src/sources/bigquery/source.ts'
import { type BigQueryFake, startBigQueryFake } from '../../fakes/bigquery/fake.ts'
import { contextFor, openSource, queryOf, runSql } from './open-source.ts'

const schema = [{ name: 'n', type: 'INT64' as const }]
const sql = (definitionBody: string) => ({ language: 'SQL', definitionBody })
const routines = {
  'fn.plain': sql('SAFE.SUBSTR(x, 1) || NET.HOST("ds.f(x)") -- ds.f(x)'),
  'fn.script': { language: 'JAVASCRIPT', definitionBody: 'return x' },
  'fn.python': { language: 'PYTHON', definitionBody: 'def f(x): return x' },
  'fn.remote': { remoteFunctionOptions: { endpoint: 'https://example.com' } },
  'fn.spark': { language: 'PYTHON', sparkOptions: {}, routineType: 'PROCEDURE' },
  'fn.model': sql('AI.GENERATE(x)'),
  'fn.nested': sql('ds.f(x)'),
  'fn.quoted': sql('`p.ds.f`(x)'),
  'fn.chained': sql('(x).(ds.f)()'),
  'fn.dynamic': { ...sql('BEGIN EXECUTE IMMEDIATE x; END'), routineType: 'PROCEDURE' },
  'fn.odd': { definitionBody: 'x' },
  'fn.new': { language: 'COBOL' },
}

describe('routines of a statement', () => {
  let fake: BigQueryFake
  let source: BigQuerySource
  beforeAll(async () => {
    fake = await startBigQueryFake({ routines })
    source = openSource(fake).source
    fake.answer('CREATE FUNCTION', { statementType: 'CREATE_FUNCTION' })
  })
  afterAll(async () => {
    await source.close()
    await fake.close()
  })
  const costsOf = async (...names: string[]) => {
    const text = `SELECT ${names.join()}`
    fake.answer(text, { schema, routines: names })
    return (await source.plan(queryOf(text), contextFor())).estimate?.externalCosts
  }
  const asked = () => fake.requests.filter(({ method }) => method === 'routines.get').length

  it('SQL and JavaScript bill nothing extra', async () => {
    expect(await costsOf('fn.plain', 'fn.script')).toBeUndefined()
  })

  it.each(['fn.python', 'fn.remote', 'fn.spark', 'fn.model'])('%s is billed by another service', async (name) => {
    expect(await costsOf('fn.plain', name)).toEqual([expect.stringContaining(`It calls ${name}: functions in Python`)])
  })

  it.each(['fn.nested', 'fn.quoted', 'fn.chained', 'fn.dynamic', 'fn.odd', 'fn.new', 'fn.gone'])(
    'in doubt, %s counts as one that is billed by another service',
    async (name) => {
      expect(await costsOf(name)).toEqual([
        expect.stringContaining(`It calls ${name}, of which the gateway cannot tell`),
      ])
    },
  )

  it('a statement may call more routines than are looked at: the others are in doubt', async () => {
    const before = asked()
    const costs = await costsOf(...Array.from({ length: 30 }, (_, i) => `fn.many${i}`))
    expect([asked() - before, costs]).toEqual([20, [expect.stringContaining('fn.many29')]])
  })

  it('asks once for a routine, also for one that is not there, until a statement may have changed it', async () => {
    await costsOf('fn.plain', 'fn.gone')
    const before = asked()
    await costsOf('fn.plain', 'fn.gone')
    expect(asked()).toBe(before)
    await runSql(source, 'CREATE FUNCTION')
    await costsOf('fn.plain', 'fn.gone')
    expect(asked()).toBe(before + 2)
  })

  it('a caller that is gone gets the reason', async () => {
    const call = new AbortController()
    fake.faults.add({ method: 'routines.get', delayMs: 60_000 })
    fake.answer('SELECT fn.slow', { schema, routines: ['fn.slow'] })
    const before = asked()
    const planned = source.plan(queryOf('SELECT fn.slow'), contextFor({ signal: call.signal }))
    planned.catch(() => {})
    await expect.poll(asked).toBeGreaterThan(before)
    call.abort(new Error('gone'))
    await expect(planned).rejects.toThrow('gone')
  })
})
