import type { FieldSchema, Row } from './schema.ts'
import type { PartitioningDeclaration, TableDeclaration } from './table.ts'

/** Mean logical bytes of a value; texts as TPC-H's specification sizes them, with BigQuery's 2 bytes for the length. */
type ColumnSizes = Readonly<Record<string, readonly [type: string, bytes: number]>>

const rowsAtScale100 = {
  lineitem: 600_037_902,
  orders: 150_000_000,
  customer: 15_000_000,
  part: 20_000_000,
  partsupp: 80_000_000,
  supplier: 1_000_000,
}

const lineitem: ColumnSizes = {
  l_orderkey: ['INTEGER', 8],
  l_partkey: ['INTEGER', 8],
  l_suppkey: ['INTEGER', 8],
  l_linenumber: ['INTEGER', 8],
  l_quantity: ['NUMERIC', 16],
  l_extendedprice: ['NUMERIC', 16],
  l_discount: ['NUMERIC', 16],
  l_tax: ['NUMERIC', 16],
  l_returnflag: ['STRING', 3],
  l_linestatus: ['STRING', 3],
  l_shipdate: ['DATE', 8],
  l_commitdate: ['DATE', 8],
  l_receiptdate: ['DATE', 8],
  l_shipinstruct: ['STRING', 14],
  l_shipmode: ['STRING', 6.3],
  l_comment: ['STRING', 28.5],
}

const orders: ColumnSizes = {
  o_orderkey: ['INTEGER', 8],
  o_custkey: ['INTEGER', 8],
  o_orderstatus: ['STRING', 3],
  o_totalprice: ['NUMERIC', 16],
  o_orderdate: ['DATE', 8],
  o_orderpriority: ['STRING', 10.4],
  o_clerk: ['STRING', 17],
  o_shippriority: ['INTEGER', 8],
  o_comment: ['STRING', 50.5],
}

const customer: ColumnSizes = {
  c_custkey: ['INTEGER', 8],
  c_name: ['STRING', 20],
  c_address: ['STRING', 27],
  c_nationkey: ['INTEGER', 8],
  c_phone: ['STRING', 17],
  c_acctbal: ['NUMERIC', 16],
  c_mktsegment: ['STRING', 11],
  c_comment: ['STRING', 74.5],
}

const part: ColumnSizes = {
  p_partkey: ['INTEGER', 8],
  p_name: ['STRING', 34.8],
  p_mfgr: ['STRING', 16],
  p_brand: ['STRING', 10],
  p_type: ['STRING', 22.6],
  p_size: ['INTEGER', 8],
  p_container: ['STRING', 9.6],
  p_retailprice: ['NUMERIC', 16],
  p_comment: ['STRING', 15.5],
}

const partsupp: ColumnSizes = {
  ps_partkey: ['INTEGER', 8],
  ps_suppkey: ['INTEGER', 8],
  ps_availqty: ['INTEGER', 8],
  ps_supplycost: ['NUMERIC', 16],
  ps_comment: ['STRING', 126],
}

const supplier: ColumnSizes = {
  s_suppkey: ['INTEGER', 8],
  s_name: ['STRING', 20],
  s_address: ['STRING', 27],
  s_nationkey: ['INTEGER', 8],
  s_phone: ['STRING', 17],
  s_acctbal: ['NUMERIC', 16],
  s_comment: ['STRING', 64.5],
}

const events: ColumnSizes = {
  event_timestamp: ['TIMESTAMP', 8],
  event_name: ['STRING', 14],
  user_id: ['STRING', 38],
  page: ['STRING', 62],
  payload: ['JSON', 420],
}

const logs: ColumnSizes = {
  time: ['TIMESTAMP', 8],
  severity: ['STRING', 6],
  message: ['STRING', 180],
}

/**
 * Tables like those of TPC-H at scale 100, with the sizes that they have in BigQuery but few rows, and with what
 * TPC-H lacks: shards by date (`web.events_20240101` to `..._20240331`) and partitions by the time of ingestion that demand a filter (`web.logs`).
 */
export function tpchTables(project?: string): TableDeclaration[] {
  const declare = (name: string, columns: ColumnSizes, rows: number, more: Partial<TableDeclaration> = {}) => ({
    ...(project !== undefined && { project }),
    dataset: 'tpch',
    name,
    ...sized(columns, rows),
    ...more,
  })
  const shards = daysFrom('2024-01-01', 91).map((day) => {
    const name = `events_${day.replaceAll('-', '')}`
    return declare(name, events, 2_000_000, { dataset: 'web', rows: sampleRows(events, 2, day) })
  })
  return [
    declare('lineitem', lineitem, rowsAtScale100.lineitem, {
      partitioning: monthly('l_shipdate', rowsAtScale100.lineitem),
      clustering: ['l_shipmode', 'l_returnflag'],
      clusteredShare: 0.2,
      foreignKeys: [{ name: 'order', table: 'tpch.orders', columns: [{ column: 'l_orderkey', refers: 'o_orderkey' }] }],
    }),
    declare('orders', orders, rowsAtScale100.orders, {
      partitioning: monthly('o_orderdate', rowsAtScale100.orders),
      clustering: ['o_custkey'],
      clusteredShare: 0.05,
      primaryKey: ['o_orderkey'],
      foreignKeys: [
        { name: 'customer', table: 'tpch.customer', columns: [{ column: 'o_custkey', refers: 'c_custkey' }] },
      ],
    }),
    declare('customer', customer, rowsAtScale100.customer, { primaryKey: ['c_custkey'] }),
    declare('part', part, rowsAtScale100.part, { primaryKey: ['p_partkey'] }),
    declare('partsupp', partsupp, rowsAtScale100.partsupp),
    declare('supplier', supplier, rowsAtScale100.supplier, { primaryKey: ['s_suppkey'] }),
    ...shards,
    declare('logs', logs, 900_000_000, {
      dataset: 'web',
      partitioning: {
        column: '_PARTITIONTIME',
        type: 'DAY',
        partitions: daysFrom('2024-01-01', 90).map((day) => ({ id: day.replaceAll('-', ''), rows: 10_000_000 })),
      },
      requirePartitionFilter: true,
    }),
    {
      ...(project !== undefined && { project }),
      dataset: 'tpch',
      name: 'shipped',
      kind: 'VIEW',
      schema: [
        { name: 'l_shipdate', type: 'DATE' },
        { name: 'l_extendedprice', type: 'NUMERIC' },
      ],
      query: `SELECT l_shipdate, l_extendedprice FROM ${project ? `\`${project}\`.` : ''}tpch.lineitem`,
    },
  ]
}

function sized(
  columns: ColumnSizes,
  numRows: number,
): Pick<TableDeclaration, 'schema' | 'columnBytes' | 'numRows' | 'rows'> {
  const entries = Object.entries(columns)
  return {
    schema: entries.map(([name, [type]]): FieldSchema => ({ name, type })),
    columnBytes: Object.fromEntries(entries.map(([name, [, bytes]]) => [name, Math.round(bytes * numRows)])),
    numRows,
    rows: sampleRows(columns, 24),
  }
}

/** A few rows, so that statements over the tables have results. */
function sampleRows(columns: ColumnSizes, count: number, day?: string): Row[] {
  return Array.from({ length: count }, (_, row) => ({
    f: Object.entries(columns).map(([name, [type]]) => ({ v: sample(name, type, row, day) })),
  }))
}

const modes = ['AIR', 'FOB', 'MAIL', 'RAIL', 'REG AIR', 'SHIP', 'TRUCK']

function sample(name: string, type: string, row: number, day?: string): string {
  const date = day ?? `${1992 + (row % 7)}-${String((row % 12) + 1).padStart(2, '0')}-15`
  if (type === 'INTEGER') return String(row + 1)
  if (type === 'NUMERIC') return String(100 + row * 1.25)
  if (type === 'DATE') return date
  if (type === 'TIMESTAMP') return String(BigInt(Date.parse(date)) * 1000n + BigInt(row))
  if (type === 'JSON') return `{"row":${row}}`
  if (name === 'l_shipmode') return modes[row % modes.length]!
  if (name === 'l_returnflag') return ['A', 'N', 'R'][row % 3]!
  return `${name} ${row}`
}

/** Months of TPC-H's dates, 1992 to 1998. */
function monthly(column: string, rows: number): PartitioningDeclaration {
  const ids = Array.from(
    { length: 84 },
    (_, index) => `${1992 + Math.floor(index / 12)}${String((index % 12) + 1).padStart(2, '0')}`,
  )
  return { column, type: 'MONTH', partitions: ids.map((id) => ({ id, rows: Math.round(rows / ids.length) })) }
}

function daysFrom(first: string, count: number): string[] {
  const start = Date.parse(first)
  return Array.from({ length: count }, (_, index) => new Date(start + index * 86_400_000).toISOString().slice(0, 10))
}
