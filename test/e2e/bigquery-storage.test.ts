import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { largeTable } from '../fakes/bigquery/large-table.ts'
import { startWarehouse, type Warehouse } from './bigquery-warehouse.ts'
import { hasPython, runPython } from './python.ts'

interface Read {
  readonly rows: number
  readonly sum: number
}

const ROWS = 1_040_000
const PERIOD = 80_000
const UNAVAILABLE = 14
const PERMISSION_DENIED = 7

describe.skipIf(!hasPython())('a large result of BigQuery', () => {
  let warehouse: Warehouse
  const read = (sql: string, ...more: string[]) =>
    runPython<Read>('bigquery_large.py', warehouse.gateway.uri, sql, ...more)
  const reads = () => warehouse.fake.requests.filter(({ method }) => method === 'ReadRows')

  beforeAll(async () => {
    warehouse = await startWarehouse({ tables: [largeTable(ROWS)], pageRows: 1000, batchRows: 20_000 })
  })
  afterAll(async () => {
    expect(await warehouse.stop()).toBe(0)
    expect(warehouse.gateway.lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('comes over 4 streams, and has each row once although each stream breaks twice', async () => {
    for (const afterMessages of [0, 1, 2, 3, 4, 2, 0, 1])
      warehouse.fake.faults.add({
        method: 'ReadRows',
        afterMessages,
        status: { code: UNAVAILABLE, message: 'the server restarts' },
      })
    const { rows, sum } = await read('SELECT * FROM bench.large')
    expect(rows).toBe(ROWS)
    expect(sum).toBe((ROWS / PERIOD) * ((PERIOD * (PERIOD - 1)) / 2))
    const streams = new Set(reads().map(({ body }) => (body as { readStream: string }).readStream))
    expect(streams.size).toBe(4)
    expect(reads().length).toBe(4 + 8)
    const resumes = await warehouse.gateway.metric('flightgate_bigquery_stream_resumes_total', { source: 'warehouse' })
    expect(resumes).toBe(8)
  })

  it('that its client cancels ends at BigQuery', async () => {
    const before = reads().length
    const { rows } = await read('SELECT * FROM bench.large', 'cancel')
    expect(rows).toBeLessThan(ROWS)
    expect(reads().length).toBe(before + 4)
    const { gateway } = warehouse
    const ended = await gateway.line(({ outcome }) => outcome === 'CANCELLED')
    expect(ended).toMatchObject({ event: 'statement', source: 'warehouse' })
  })

  it('is read by REST where the Storage Read API is refused, with the same rows', async () => {
    const denied = {
      code: PERMISSION_DENIED,
      message: "the user does not have 'bigquery.readsessions.create' permission",
    }
    warehouse.fake.faults.add({ method: 'CreateReadSession', status: denied })
    const before = reads().length
    const small = 'SELECT * FROM bench.large WHERE id < 500'
    const byRest = await read(small)
    expect(reads()).toHaveLength(before)
    expect(byRest).toEqual({ rows: (ROWS / PERIOD) * 500, sum: ((ROWS / PERIOD) * (500 * 499)) / 2 })
    const warned = await warehouse.gateway.line(({ refusal }) => refusal === 'forbidden')
    expect(warned).toMatchObject({ level: 'warn', event: 'storage' })
  })
})
