import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasPython, runPython } from '../../e2e/python.ts'
import { type BigQueryFake, startBigQueryFake } from './fake.ts'
import { largeTable } from './large-table.ts'
import { tpchTables } from './tpch-tables.ts'
import { typeTable } from './type-table.ts'

/** What test/python/bigquery_clients.py prints. */
type Seen = Record<string, unknown>

describe.runIf(hasPython())('with Google’s Python clients the stand-in', () => {
  let fake: BigQueryFake
  let seen: Seen

  beforeAll(async () => {
    const people = {
      dataset: 'shop',
      name: 'people',
      schema: [
        { name: 'id', type: 'INT64' },
        { name: 'name', type: 'STRING' },
      ],
    }
    const shops = { ...people, name: 'shops', rows: [{ f: [{ v: '1' }, { v: 'north' }] }] }
    fake = await startBigQueryFake({
      tables: [...tpchTables(), typeTable(), largeTable(800_000), people, shops],
      arrow: true,
    })
    const one = { schema: [{ name: 'x', type: 'STRING' }], rows: [{ f: [{ v: 'done' }] }] }
    fake.answer("SELECT 'slow'", { ...one, durationMs: 60_000 })
    fake.answer("SELECT 'sometimes'", one)
    fake.faults.add({
      method: 'jobs.query',
      when: (body) => (body as { query: string }).query === "SELECT 'sometimes'",
      error: { status: 403, reason: 'rateLimitExceeded', message: 'Exceeded rate limits: try again in 1 s' },
    })
    seen = await runPython<Seen>('bigquery_clients.py', fake.endpoint, fake.storageEndpoint)
  })
  afterAll(() => fake?.close())

  it('estimates by column and partition', () => {
    expect(seen['dry_run']).toEqual({
      bytes: 114_292_934,
      type: 'SELECT',
      schema: [['l_orderkey', 'INTEGER']],
      tables: ['test-project.tpch.lineitem'],
      id: null,
    })
  })

  it('sends every type, with the same values over REST and over the Storage API', () => {
    expect(seen['types']).toMatchObject({
      types: {
        bignumeric: 'decimal256(76, 38)',
        bytes: 'binary',
        date_range: 'struct<start: date32[day], end: date32[day]>',
        datetime: 'timestamp[us]',
        interval: 'month_day_nano_interval',
        json: 'string',
        numeric: 'decimal128(38, 9)',
        strings: 'list<item: string>',
        time: 'time64[us]',
        timestamp: 'timestamp[us, tz=UTC]',
      },
      metadata: {
        datetime: { 'ARROW:extension:name': 'google:sqlType:datetime' },
        geography: {
          'ARROW:extension:metadata': '{"encoding": "WKT"}',
          'ARROW:extension:name': 'google:sqlType:geography',
        },
        json: { 'ARROW:extension:name': 'google:sqlType:json' },
      },
      interval: [
        'MonthDayNano(months=14, days=3, nanoseconds=14706789000000)',
        'MonthDayNano(months=-120000, days=-3660000, nanoseconds=-9223369200000000000)',
        'MonthDayNano(months=0, days=0, nanoseconds=-1000)',
        'None',
      ],
      different: [],
      valid: true,
    })
  })

  it('sends a large table, and the schema of an empty result', () => {
    expect(seen['large']).toEqual({ rows: 800_000, ids: 31_999_600_000 })
    expect(seen['empty']).toEqual({ rows: 0, columns: ['o_orderkey'] })
  })

  it('runs scripts as jobs of their own, which bill each by itself', () => {
    const billed = 1145 * 1024 * 1024
    expect(seen['jobs']).toEqual({
      rows: 24,
      children: [
        ['SELECT', 0],
        ['SELECT', billed],
      ],
      billed,
      type: 'SCRIPT',
      labels: { team: 'blue' },
    })
  })

  it('cancels', () => {
    expect(seen['cancel']).toEqual(['PENDING', 'DONE', 'stopped'])
  })

  it('is retried where its errors ask for it', () => {
    expect(seen['retried']).toEqual(['done'])
  })

  it('changes tables by DML', () => {
    expect(seen['changed']).toEqual({ inserted: [2, 2, 'INSERT'], updated: 1, names: ['a', 'b!'], deleted: 2 })
  })

  it('describes datasets and tables', () => {
    expect(seen['catalog']).toEqual({
      datasets: ['tpch', 'web', 'types', 'bench', 'shop'],
      partition: ['MONTH', 'o_orderdate'],
      clustering: ['o_custkey'],
      key: ['o_orderkey'],
      rows: 150_000_000,
      bytes: 19_335_000_000,
      first: [1, 2],
    })
  })

  it('answers Arrow to jobs.query, with the rest of large results on the stream of the job', () => {
    expect(seen['arrow']).toEqual({
      small: [1, ['id', 'name']],
      large: [800_000, ['id', 'quantity', 'price', 'sold_at', 'comment']],
      none: [0, ['o_orderkey']],
    })
    const streams = fake.requests
      .filter(({ method }) => method === 'ReadRows')
      .map(({ body }) => (body as { readStream: string }).readStream)
    expect(streams.filter((name) => /\/jobs\/[^/]+\/streams\/_default$/.test(name))).toHaveLength(1)
  })

  it('pages', () => {
    expect(seen['pages']).toEqual([10, 10, 4])
  })

  it.each([
    ['syntax', 'BadRequest', 400, 'invalidQuery'],
    ['table', 'NotFound', 404, 'notFound'],
    ['dataset', 'Forbidden', 403, 'accessDenied'],
    ['limit', 'BadRequest', 400, 'bytesBilledLimitExceeded'],
  ])('fails for a wrong %s with %s', (name, type, code, reason) => {
    const errors = seen['errors'] as Record<string, readonly unknown[]>
    expect(errors[name]!.slice(0, 3)).toEqual([type, code, reason])
  })
})
