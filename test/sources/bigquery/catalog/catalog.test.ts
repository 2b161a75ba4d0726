import { beforeEach, describe, expect, it } from 'vitest'
import { decodeSchema } from '../../../../src/arrow/schema.ts'
import type { TableEntry } from '../../../../src/query/catalog.ts'
import { GatewayError } from '../../../../src/query/errors.ts'
import type { Context } from '../../../../src/query/types.ts'
import { BigQueryCatalog } from '../../../../src/sources/bigquery/catalog/catalog.ts'

const warnings: string[] = []
const ctx = {
  principal: { name: 'tester', roles: [] },
  signal: new AbortController().signal,
  log: { warn: (_: object, message: string) => warnings.push(message) },
} as unknown as Context

const reference = (tableId: string, datasetId = 'shop') => ({ projectId: 'my-project', datasetId, tableId })
const number = { schema: { fields: [{ name: 'n', type: 'INT64' }] } }
const tables: Readonly<Record<string, object>> = {
  customer: {
    type: 'TABLE',
    schema: {
      fields: [
        { name: 'id', type: 'INTEGER', mode: 'REQUIRED', description: 'the number' },
        { name: 'name', type: 'STRING', maxLength: '20' },
        { name: 'balance', type: 'NUMERIC', precision: '10', scale: '2' },
        { name: 'tags', type: 'STRING', mode: 'REPEATED' },
        { name: 'address', type: 'RECORD', fields: [{ name: 'street', type: 'STRING' }] },
      ],
    },
    tableConstraints: { primaryKey: { columns: ['id', 'name'] } },
  },
  orders: {
    type: 'TABLE',
    ...number,
    tableConstraints: {
      foreignKeys: [
        {
          name: 'to_customer',
          referencedTable: reference('customer'),
          columnReferences: [
            { referencingColumn: 'customer_id', referencedColumn: 'id' },
            { referencingColumn: 'customer_name', referencedColumn: 'name' },
          ],
        },
      ],
    },
  },
  order_view: { type: 'VIEW', ...number },
  order_mv: { type: 'MATERIALIZED_VIEW', ...number },
  events_20240101: { type: 'TABLE', ...number },
}

let calls: string[] = []
const listed = {
  tables: Object.entries(tables).map(([name, table]) => ({ tableReference: reference(name), ...table })),
}
const answers: Record<string, object | GatewayError> = {
  'my-project/datasets': { datasets: [{ datasetReference: { datasetId: 'shop' } }], nextPageToken: 'two' },
  'my-project/datasets?two': { datasets: [{ datasetReference: { datasetId: 'locked' } }] },
  'my-project/datasets/shop': {},
  'my-project/datasets/shop/tables': listed,
  'my-project/datasets/locked/tables': new GatewayError('UPSTREAM_FORBIDDEN'),
  'hidden/datasets': new GatewayError('UPSTREAM_FORBIDDEN'),
  'public/datasets': { datasets: [{ datasetReference: { datasetId: 'samples' } }] },
  'public/datasets/samples/tables': { tables: [{ tableReference: reference('words', 'samples'), type: 'EXTERNAL' }] },
}
for (const [name, table] of Object.entries(tables)) answers[`my-project/datasets/shop/tables/${name}`] = table

function catalogOf(projects: readonly string[] = []): BigQueryCatalog {
  const settings = { projectId: 'my-project', projects, defaultDataset: 'shop', writes: true }
  return new BigQueryCatalog(settings, async (path, { pageToken }) => {
    const key = pageToken === undefined ? path : `${path}?${pageToken}`
    calls.push(key)
    const answer = answers[key] ?? new GatewayError('UNKNOWN_OBJECT')
    if (answer instanceof GatewayError) throw answer
    return answer
  })
}

async function withSchemas(filter: { schemaPattern?: string; tablePattern?: string }): Promise<TableEntry[]> {
  const found: TableEntry[] = []
  for await (const page of catalogOf().tablesWithSchemas({ types: [], ...filter }, ctx)) found.push(...page)
  return found
}

describe('the catalog of BigQuery', () => {
  beforeEach(() => {
    calls = []
  })

  it('shows the projects of the settings, and their datasets from all pages', async () => {
    const catalog = catalogOf(['public', 'hidden', 'my-project'])
    expect(catalog.current).toEqual({ catalog: 'my-project', schema: 'shop' })
    expect(await catalog.catalogs()).toEqual(['hidden', 'my-project', 'public'])
    expect(await catalog.schemas(undefined, ctx)).toEqual([
      { catalog: 'my-project', schema: 'locked' },
      { catalog: 'my-project', schema: 'shop' },
      { catalog: 'public', schema: 'samples' },
    ])
    expect(await catalog.schemas('s%', ctx, 'public')).toEqual([{ catalog: 'public', schema: 'samples' }])
    expect(await catalog.hasSchema('shop', ctx)).toBe(true)
    expect(await catalog.hasSchema('nowhere', ctx)).toBe(false)
  })

  it('shows the project of the default dataset', async () => {
    const settings = { projectId: 'my-project', defaultDataset: 'example.com:data.shop', writes: false }
    const catalog = new BigQueryCatalog(settings, async () => ({}))
    expect(catalog.current).toEqual({ catalog: 'example.com:data', schema: 'shop' })
    expect(await catalog.catalogs()).toEqual(['example.com:data', 'my-project'])
  })

  it('fails if the project of the source itself may not be seen', async () => {
    const catalog = new BigQueryCatalog({ projectId: 'hidden', writes: false }, async () => {
      throw new GatewayError('UPSTREAM_FORBIDDEN')
    })
    await expect(catalog.schemas(undefined, ctx)).rejects.toThrow(GatewayError)
  })

  it('lists tables of all types, without datasets that may not be read', async () => {
    const found = await catalogOf(['public']).tables({ types: [] }, ctx)
    expect(found.map(({ table, type }) => `${table} ${type}`)).toEqual([
      'customer TABLE',
      'events_20240101 TABLE',
      'order_mv MATERIALIZED VIEW',
      'order_view VIEW',
      'orders TABLE',
      'words EXTERNAL',
    ])
  })

  it.each([
    [{ types: ['VIEW'] }, ['shop.order_view']],
    [{ types: ['BASE TABLE'], tablePattern: 'order%' }, ['shop.orders']],
    [{ types: [], tablePattern: 'order\\_%' }, ['shop.order_mv', 'shop.order_view']],
    [{ types: [], tablePattern: '%_2024____' }, ['shop.events_20240101']],
    [{ types: [], schemaPattern: 'SHOP' }, []],
    [{ types: [], schemaPattern: 'shop', tablePattern: 'orders' }, ['shop.orders']],
    [{ types: [], schemaPattern: '' }, []],
    [{ types: [], catalog: 'other' }, []],
  ])('the filter %j finds %j', async (filter, expected) => {
    const found = await catalogOf().tables(filter, ctx)
    expect(found.map(({ schema, table }) => `${schema}.${table}`)).toEqual(expected)
  })

  it('tells the log once of a dataset whose tables may not be listed', async () => {
    const catalog = catalogOf()
    const before = warnings.length
    for (let i = 0; i < 2; i++) {
      expect(await catalog.tables({ types: [], schemaPattern: 'locked' }, ctx)).toEqual([])
      catalog.forget()
    }
    expect(warnings.slice(before)).toEqual([expect.stringContaining('no tables of my-project.locked')])
  })

  it('asks for one table with one call, and keeps the answer until the catalog changes', async () => {
    const catalog = catalogOf()
    const filter = { types: [], schemaPattern: 'shop', tablePattern: 'orders' }
    for (let i = 0; i < 3; i++) await catalog.tables(filter, ctx)
    expect(calls).toEqual(['my-project/datasets/shop/tables/orders'])
    catalog.forget()
    await catalog.tables(filter, ctx)
    expect(calls).toHaveLength(2)
  })

  it('tells the columns of a table with the metadata of Flight SQL', async () => {
    const [entry] = await withSchemas({ schemaPattern: 'shop', tablePattern: 'customer' })
    const columns = decodeSchema(entry!.schemaMessage!).children
    const of = (key: string) => columns.map(({ metadata }) => new Map(metadata).get(`ARROW:FLIGHT:SQL:${key}`) ?? null)
    expect(columns.map(({ name, format, nullable }) => `${name} ${format} ${nullable}`)).toEqual([
      'id l false',
      'name u true',
      'balance d:10,2 true',
      'tags +l true',
      'address +s true',
    ])
    expect(of('TYPE_NAME')).toEqual(['INT64', 'STRING(20)', 'NUMERIC(10, 2)', 'ARRAY<STRING>', 'STRUCT<street STRING>'])
    expect(of('PRECISION')).toEqual(['19', '20', '10', null, null])
    expect(of('SCALE')).toEqual(['0', null, '2', null, null])
    expect(of('REMARKS')).toEqual(['the number', null, null, null, null])
    expect(new Set(of('TABLE_NAME'))).toEqual(new Set(['customer']))
    expect(new Set(of('CATALOG_NAME'))).toEqual(new Set(['my-project']))
    expect(await catalogOf().tableSchema(entry!, ctx)).toEqual(entry!.schemaMessage)
  })

  it('omits tables that were dropped after they were listed', async () => {
    listed.tables.push({ tableReference: reference('dropped') })
    expect(await withSchemas({ schemaPattern: 'shop' })).toHaveLength(5)
    listed.tables.pop()
  })

  it('tells primary keys, and foreign keys from both sides', async () => {
    const catalog = catalogOf()
    const customer = { schema: 'shop', table: 'customer' }
    const orders = { schema: 'shop', table: 'orders' }
    const columns = await catalog.primaryKeys(customer, ctx)
    expect(columns.map(({ column, sequence }) => [column, sequence])).toEqual([
      ['id', 1],
      ['name', 2],
    ])
    const imported = await catalog.foreignKeys(undefined, orders, ctx)
    const place = { catalog: 'my-project', schema: 'shop' }
    expect(imported).toEqual([
      {
        primary: { ...place, table: 'customer', column: 'id', keyName: null },
        foreign: { ...place, table: 'orders', column: 'customer_id', keyName: 'to_customer' },
        sequence: 1,
      },
      {
        primary: { ...place, table: 'customer', column: 'name', keyName: null },
        foreign: { ...place, table: 'orders', column: 'customer_name', keyName: 'to_customer' },
        sequence: 2,
      },
    ])
    expect(await catalog.foreignKeys(customer, undefined, ctx)).toEqual(imported)
    expect(await catalog.foreignKeys(customer, orders, ctx)).toEqual(imported)
    expect(await catalog.foreignKeys(orders, customer, ctx)).toEqual([])
    expect(await catalog.primaryKeys({ table: 'orders' }, ctx)).toEqual([])
    expect(await catalog.primaryKeys({ table: 'customer' }, ctx)).toEqual(columns)
  })

  it('refuses a list without end', async () => {
    const page = Array.from({ length: 1000 }, (_, i) => ({ tableReference: reference(`t${i}`), type: 'TABLE' }))
    let token = 0
    const catalog = new BigQueryCatalog({ projectId: 'p', writes: false }, async () => ({
      tables: page,
      nextPageToken: String(token++),
    }))
    await expect(catalog.tables({ types: [], schemaPattern: 'd' }, ctx)).rejects.toThrow(/more tables/)
  })

  it('asks at most 8 things at the same time', async () => {
    let [running, most] = [0, 0]
    const datasets = Array.from({ length: 50 }, (_, i) => ({ datasetReference: { datasetId: `d${i}` } }))
    const catalog = new BigQueryCatalog({ projectId: 'p', writes: false }, async (path) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 1))
      running--
      return path === 'p/datasets' ? { datasets } : { tables: [] }
    })
    await Promise.all([catalog.tables({ types: [] }, ctx), catalog.tables({ types: [] }, ctx)])
    expect(most).toBe(8)
  })
})
