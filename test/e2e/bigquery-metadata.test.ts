import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TableDeclaration } from '../fakes/bigquery/table.ts'
import { startWarehouse, type Warehouse } from './bigquery-warehouse.ts'
import { hasJdbcProgram, runJdbc } from './jdbc-program.ts'
import { hasPython, runPython } from './python.ts'

const integer = { name: 'n', type: 'INT64' }
const tables: readonly TableDeclaration[] = [
  {
    dataset: 'shop',
    name: 'customer',
    schema: [
      { name: 'id', type: 'INT64', mode: 'REQUIRED' },
      { name: 'name', type: 'STRING' },
    ],
    primaryKey: ['id'],
  },
  {
    dataset: 'shop',
    name: 'orders',
    schema: [
      { name: 'id', type: 'INT64', mode: 'REQUIRED', description: 'number of the order' },
      { name: 'customer_id', type: 'INT64' },
      { name: 'total', type: 'NUMERIC', precision: '10', scale: '2' },
      { name: 'at', type: 'TIMESTAMP' },
      { name: 'tags', type: 'STRING', mode: 'REPEATED' },
      { name: 'place', type: 'STRUCT', fields: [{ name: 'city', type: 'STRING' }] },
    ],
    rows: [
      { f: [{ v: '1' }, { v: '7' }, { v: '1.5' }, { v: '0' }, { v: [{ v: 'x' }] }, { v: { f: [{ v: 'Ulm' }] } }] },
    ],
    primaryKey: ['id'],
    foreignKeys: [{ name: 'to_customer', table: 'shop.customer', columns: [{ column: 'customer_id', refers: 'id' }] }],
  },
  { dataset: 'shop', name: 'order_view', kind: 'VIEW', schema: [integer], query: 'SELECT 1 AS n' },
  { dataset: 'shop', name: 'order_mv', kind: 'MATERIALIZED_VIEW', schema: [integer], query: 'SELECT 1 AS n' },
  { dataset: 'shop', name: 'lake', kind: 'EXTERNAL', schema: [integer] },
  { dataset: 'logs', name: 'events_20240101', schema: [integer], rows: [{ f: [{ v: '1' }] }] },
  { dataset: 'logs', name: 'events_20240102', schema: [integer], rows: [{ f: [{ v: '2' }] }] },
  { project: 'public-data', dataset: 'samples', name: 'words', schema: [integer], rows: [{ f: [{ v: '3' }] }] },
]

describe('metadata of BigQuery', () => {
  let warehouse: Warehouse

  beforeAll(async () => {
    warehouse = await startWarehouse({
      tables,
      sources: { warehouse: { projects: ['public-data'], defaultDataset: 'shop' } },
      others: { demo: { kind: 'duckdb', init: ['CREATE TABLE t AS SELECT 4 AS n'] } },
      config: { defaultSource: 'demo' },
    })
  })
  afterAll(async () => {
    expect(await warehouse.stop()).toBe(0)
  })

  it.skipIf(!hasPython())('reaches ADBC at every depth', async () => {
    const seen = await runPython<Record<string, unknown>>('bigquery_metadata.py', warehouse.gateway.uri)
    expect(seen).toEqual({
      schemas: ['demo.main', 'public-data.samples', 'test-project.logs', 'test-project.shop'],
      tables: [
        'test-project.logs.events_20240101 TABLE',
        'test-project.logs.events_20240102 TABLE',
        'test-project.shop.customer TABLE',
        'test-project.shop.lake EXTERNAL',
        'test-project.shop.order_mv MATERIALIZED VIEW',
        'test-project.shop.order_view VIEW',
        'test-project.shop.orders TABLE',
      ],
      views: ['test-project.shop.order_view VIEW'],
      columns: [
        'test-project.shop.order_mv MATERIALIZED VIEW n INT64',
        'test-project.shop.order_view VIEW n INT64',
        'test-project.shop.orders TABLE id INT64 customer_id INT64 total NUMERIC(10, 2) at TIMESTAMP tags ARRAY<STRING> place STRUCT<city STRING>',
      ],
      table_types: ['BASE TABLE', 'EXTERNAL', 'MATERIALIZED VIEW', 'SNAPSHOT', 'TABLE', 'VIEW'],
      types: expect.arrayContaining(['STRING 12', 'INT64 -5', 'NUMERIC 2', 'TIMESTAMP 93', 'ARRAY 0']),
      sql_info: ['`', 1, false, 'dataset'],
      table_schema: [
        ['id', 'int64', false],
        ['customer_id', 'int64', true],
        ['total', 'decimal128(10, 2)', true],
        ['at', 'timestamp[us, tz=UTC]', true],
        ['tags', 'list<item: string>', true],
        ['place', 'struct<city: string>', true],
      ],
    })
  })

  it.skipIf(!hasJdbcProgram('JdbcBigQuery')).each(['18.3.0', '17.0.0'])('reaches JDBC %s', async (version) => {
    const steps = await runJdbc('JdbcBigQuery', version, [warehouse.gateway.flight])
    const key = 'customer|id|orders|customer_id|to_customer|1'
    expect(steps).toMatchObject({
      quote: '`',
      terms: 'project|dataset',
      transactions: 'false',
      keywords: 'true',
      functions: 'true',
      // Those of the source that has the session's catalog.
      catalogs: 'public-data; test-project',
      schemas: 'logs; shop',
      tables: 'customer|TABLE; lake|EXTERNAL; order_mv|MATERIALIZED VIEW; order_view|VIEW; orders|TABLE',
      'only tables': 'customer; orders',
      columns:
        'orders|id|INT64|19|0|NO; orders|customer_id|INT64|19|0|YES; orders|total|NUMERIC(10, 2)|10|2|YES; orders|at|TIMESTAMP|26|6|YES; orders|tags|ARRAY<STRING>|null|null|YES; orders|place|STRUCT<city STRING>|null|null|YES',
      'primary keys': 'id|1',
      'imported keys': key,
      'exported keys': key,
      'cross reference': key,
      'wrong table': '',
    })
  })

  it('is free: it runs no job', () => {
    expect(warehouse.fake.requests.filter(({ method }) => method.startsWith('jobs.'))).toEqual([])
  })
})
