import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Source } from '../../../src/query/source.ts'
import type { Context } from '../../../src/query/types.ts'
import { bigQuerySettings } from '../../../src/sources/bigquery/settings.ts'
import { BigQuerySource } from '../../../src/sources/bigquery/source.ts'
import { type BigQueryFake, startBigQueryFake } from '../../fakes/bigquery/fake.ts'
import { tpchTables } from '../../fakes/bigquery/tpch-tables.ts'
import { type Saving, savingsOf, savingsTable, shareSaved } from './savings-table.ts'
import { typicalStatements } from './typical-statements.ts'

const page = new URL('../../../docs/cost.md', import.meta.url)
const [begin, end] = [
  '<!-- savings: UPDATE_DOCS=1 npx vitest run test/cost/advice/savings.test.ts -->',
  '<!-- /savings -->',
]

describe('what advice saves on typical statements', () => {
  let fake: BigQueryFake
  let source: Source
  let savings: readonly Saving[]

  beforeAll(async () => {
    fake = await startBigQueryFake({ tables: tpchTables() })
    const { endpoint, storageEndpoint } = fake
    const settings = bigQuerySettings.parse({
      kind: 'bigquery',
      projectId: 'test-project',
      endpoint,
      storageEndpoint,
      anonymous: true,
    })
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const observer = new Proxy({}, { get: () => () => {} }) as never
    source = new BigQuerySource('bq', settings, { log, observer })
    const ctx: Context = {
      principal: { name: 'ann', roles: [] },
      signal: AbortSignal.timeout(60_000),
      deadlineAt: Date.now() + 60_000,
      requestId: '1',
      log,
    }
    savings = await savingsOf(source, typicalStatements, ctx)
  }, 60_000)

  afterAll(async () => {
    await source?.close()
    await fake?.close()
  })

  it('saves at least 30 % of the bytes with rewrites that return the same rows, on at least 20 statements', () => {
    expect(savings.length).toBeGreaterThanOrEqual(20)
    expect(shareSaved(savings, false)).toBeGreaterThan(0.3)
  })

  it('advises nothing that bills on statements that are good already', () => {
    const good = savings.filter(({ about }) => about.endsWith('as it is') || about.includes('well limited'))
    expect(good).toHaveLength(3)
    expect(good.map(({ same, example }) => same ?? example)).toEqual([undefined, undefined, undefined])
  })

  it('runs no job: dry runs and metadata are free', () => {
    expect(fake.billedBytes).toBe(0)
  })

  it('docs/cost.md has the table', () => {
    const text = readFileSync(page, 'utf8')
    const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)]
    const table = `\n\n${savingsTable(savings)}\n\n`
    if (process.env['UPDATE_DOCS']) writeFileSync(page, text.slice(0, from) + table + text.slice(to))
    else expect(text.slice(from, to)).toBe(table)
  })
})
