import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Row, Value } from '../fakes/bigquery/schema.ts'
import type { TableDeclaration } from '../fakes/bigquery/table.ts'
import { waitFor } from '../wait-for.ts'
import { startWarehouse, type Warehouse } from './bigquery-warehouse.ts'
import { jsonOf, postJson } from './http-client.ts'
import { hasJdbcProgram, runJdbc } from './jdbc-program.ts'
import { hasPython, runPython } from './python.ts'

const million = 1_000_000
const row = (...values: readonly Value[]): Row => ({ f: values.map((v) => ({ v })) })
const integer = { name: 'n', type: 'INT64' }
const text = { name: 's', type: 'STRING' }
const item = [
  { name: 'id', type: 'INT64' },
  { name: 'name', type: 'STRING' },
]
const items = [row('1', 'a'), row('2', 'b'), row('3', 'c')]
const tables: readonly TableDeclaration[] = [
  { dataset: 'shop', name: 'items', schema: item, rows: items },
  { dataset: 'shop', name: 'changed', schema: item, rows: items },
  { dataset: 'shop', name: 'jdbc_changed', schema: item, rows: items },
  {
    dataset: 'shop',
    name: 'numbers',
    schema: [integer, text],
    rows: (i) => row(String(i), `row ${i}`),
    numRows: million,
  },
  {
    dataset: 'shop',
    name: 'some',
    schema: [integer],
    rows: Array.from({ length: 5000 }, (_, i) => row(String(i + 1))),
  },
  { dataset: 'logs', name: 'events_20240101', schema: [integer], rows: [row('1')] },
  { dataset: 'logs', name: 'events_20240102', schema: [integer], rows: [row('2')] },
  { project: 'public-data', dataset: 'samples', name: 'words', schema: [integer], rows: [row('3')] },
]
/** Its jobs run until they are cancelled. */
const slow = { schema: [integer], rows: [row('1')], durationMs: 3_600_000 }
const numbers = [million, (million * (million - 1)) / 2, million]

describe('clients of a BigQuery source', () => {
  let warehouse: Warehouse

  beforeAll(async () => {
    warehouse = await startWarehouse({
      tables,
      pageRows: 1000,
      batchRows: 20_000,
      sources: { warehouse: { projects: ['public-data'], defaultDataset: 'shop', writes: true } },
      others: { demo: { kind: 'duckdb', init: ['CREATE TABLE t AS SELECT 4 AS n'] } },
      config: { defaultSource: 'demo', auth: { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] } },
    })
    warehouse.fake.answer(/SELECT slow AS/, slow)
    // Streams that break in the middle, as they do: the readers go on where they were.
    for (const afterMessages of [1, 2, 5])
      warehouse.fake.faults.add({ method: 'ReadRows', status: { code: 14, message: 'Stream removed' }, afterMessages })
  })
  afterAll(async () => {
    expect(await warehouse.stop()).toBe(0)
    expect(warehouse.gateway.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect(warehouse.gateway.noise).toEqual([])
  })

  it.skipIf(!hasPython())('pyarrow and ADBC read, change, bind and cancel', { timeout: 120_000 }, async () => {
    const { fake, gateway } = warehouse
    const seen = await runPython<Record<string, unknown>>(
      'bigquery_warehouse.py',
      gateway.uri,
      'etl-key',
      fake.endpoint,
    )
    expect(seen).toEqual({
      routed: {
        'SELECT name FROM test-project.shop.items WHERE id = 2': [['b']],
        'SELECT name FROM `test-project.shop.items` WHERE id = 2': [['b']],
        'SELECT name FROM `test-project`.shop.items WHERE id = 2': [['b']],
        'SELECT name FROM `test-project`.`shop`.`items` WHERE id = 2': [['b']],
        'SELECT n FROM public-data.samples.words': [[3]],
        'SELECT COUNT(*) AS n FROM `test-project.logs.events_*`': [[2]],
        'SELECT n FROM demo.main.t': [[4]],
        'SELECT n FROM t': [[4]],
      },
      mixed_sources: expect.stringContaining('several sources'),
      default_dataset: [['c']],
      session_schema: [[2]],
      large_pyarrow: numbers,
      large_adbc: numbers,
      ordered: [5000, true],
      parameters: [[2, 'b']],
      changes: [
        [2, 4, 1],
        [
          [1, 'a'],
          [2, 'x'],
          [3, 'x'],
          [5, 'x'],
        ],
      ],
      syntax_error: expect.stringMatching(/ArrowInvalid.*[Ss]yntax/),
      missing_table: expect.stringMatching(/does not exist, or there is no permission/),
      missing_dataset: expect.stringMatching(/No permission, or it does not exist/),
      pyarrow_timeout: 'FlightTimedOutError',
      adbc_cancel: expect.stringMatching(/Error$/),
    })
    const slowJobs = fake.jobs.all.filter(({ configuration }) => configuration.query.query.startsWith('SELECT slow'))
    expect(slowJobs.length).toBe(2)
    await waitFor(() => slowJobs.every(({ state }) => state === 'DONE') || undefined, 'the cancelled jobs to end')
    const streams = fake.requests
      .filter(({ method }) => method === 'ReadRows')
      .map(({ body }) => (body as { readStream: string }).readStream)
    expect(new Set(streams).size).toBeGreaterThanOrEqual(2 * 4)
    // Each break made its stream be read again.
    expect(streams.length).toBeGreaterThanOrEqual(new Set(streams).size + 3)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
  })

  it.skipIf(!hasJdbcProgram('JdbcQueries'))('JDBC reads, changes and binds', async () => {
    const changed = 'shop.jdbc_changed'
    const steps = await runJdbc('JdbcQueries', '18.3.0', [
      ...[warehouse.gateway.flight, 'warehouse', 'etl-key'],
      ...['read', 'SELECT id, name FROM `test-project.shop.items` ORDER BY id'],
      ...['bind', 'SELECT id, name FROM items WHERE id >= ? AND name = ?'],
      ...['change', `INSERT INTO ${changed} (id, name) VALUES (4, 'd'), (5, 'e')`],
      ...['change', `UPDATE ${changed} SET name = 'x' WHERE id > 1`],
      ...['change', `DELETE FROM ${changed} WHERE id = 4`],
      ...['read', `SELECT id, name FROM ${changed} ORDER BY id`],
      ...['count', 'SELECT n FROM shop.numbers'],
      ...['read', 'SELECT nothing FROM shop.nothing'],
    ])
    expect(steps).toEqual({
      '1 id': '1; 2; 3',
      '1 name': 'a; b; c',
      '2 id': '2',
      '2 name': 'b',
      '3 rows': '2',
      '4 rows': '4',
      '5 rows': '1',
      '6 id': '1; 2; 3; 5',
      '6 name': 'a; x; x; x',
      '7 sum': `${numbers[0]} ${numbers[1]}`,
      '8 error': expect.stringContaining('does not exist, or there is no permission'),
    })
  })

  it('tables are scanned and estimated by name over HTTP, with filters in backticks', async () => {
    const { gateway } = warehouse
    const headers = { 'x-api-key': 'etl-key' }
    for (const name of ['test-project.shop.items', '`test-project.shop.items`', '`test-project`."shop".items']) {
      const table = { name, columns: ['name'], filter: '`id` > 2' }
      const answer = await jsonOf(postJson(gateway, '/api/v1/query', { table }, headers))
      expect(answer).toMatchObject({ rows: [{ name: 'c' }] })
      const estimated = await jsonOf(postJson(gateway, '/api/v1/estimate-cost', { table }, headers))
      expect(estimated).toMatchObject({ bytes: 33, billable_bytes: 10 << 20, cost_usd: expect.any(Number) })
    }
    const unsafe = { name: 'test-project.shop.items', filter: '`id\\`) UNION ALL (SELECT `a`' }
    const refused = await postJson(gateway, '/api/v1/query', { table: unsafe }, headers)
    expect(refused.status).toBe(400)
  })
})
