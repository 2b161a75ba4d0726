import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TableField } from '../../../../src/sources/bigquery/types/table-field.ts'
import { hasPython, runPython } from '../../../e2e/python.ts'
import { answerOf, batchesOf, type RestValue, schemaFrameOf, streamOf } from './encode-page.ts'

interface Read {
  readonly types: readonly string[]
  readonly columns: readonly (readonly unknown[])[]
  readonly fault: string | null
}

const maxBigNumeric = '578960446186580977117854925043439539266.34992332820282019728792003956564819967'
const minBigNumeric = '-578960446186580977117854925043439539266.34992332820282019728792003956564819968'
const point: TableField = {
  name: 'point',
  type: 'RECORD',
  fields: [
    { name: 'a', type: 'INTEGER', mode: 'REQUIRED' },
    { name: 'b', type: 'TIMESTAMP', mode: 'REPEATED' },
  ],
}

/** Columns with their values as REST sends them, and as pyarrow tells them: integers of microseconds for moments, hex for bytes. */
const columns: readonly (readonly [TableField, readonly RestValue[], string, readonly unknown[]])[] = [
  [{ name: 'bool', type: 'BOOL' }, ['true', 'false', null], 'bool', [true, false, null]],
  [
    { name: 'int', type: 'INT64', mode: 'REQUIRED' },
    ['9223372036854775807', '-9223372036854775808', null],
    'int64',
    ['9223372036854775807', '-9223372036854775808', null],
  ],
  [{ name: 'float', type: 'FLOAT' }, ['-Infinity', 'NaN', '5e-324'], 'double', ['-inf', 'nan', '5e-324']],
  [{ name: 'text', type: 'STRING' }, ['é🚀', '', null], 'string', ['é🚀', '', null]],
  [{ name: 'bytes', type: 'BYTES' }, ['AP8=', '', null], 'binary', ['00ff', '', null]],
  [
    { name: 'date', type: 'DATE' },
    ['0001-01-01', '9999-12-31', null],
    'date32[day]',
    ['0001-01-01', '9999-12-31', null],
  ],
  [
    { name: 'datetime', type: 'DATETIME' },
    ['0001-01-01T00:00:00', '9999-12-31T23:59:59.999999', null],
    'timestamp[us]',
    ['-62135596800000000', '253402300799999999', null],
  ],
  [
    { name: 'timestamp', type: 'TIMESTAMP' },
    ['-62135596800000000', '253402300799999999', null],
    'timestamp[us, tz=UTC]',
    ['-62135596800000000', '253402300799999999', null],
  ],
  [{ name: 'time', type: 'TIME' }, ['23:59:59.999999', '00:00:00', null], 'time64[us]', ['86399999999', '0', null]],
  [
    { name: 'numeric', type: 'NUMERIC' },
    ['99999999999999999999999999999.999999999', '-0.000000001', null],
    'decimal128(38, 9)',
    ['99999999999999999999999999999.999999999', '-1E-9', null],
  ],
  [
    { name: 'bignumeric', type: 'BIGNUMERIC' },
    [`${'9'.repeat(38)}.${'9'.repeat(38)}`, '-1.5', null],
    'decimal256(76, 38)',
    [`${'9'.repeat(38)}.${'9'.repeat(38)}`, `-1.5${'0'.repeat(37)}`, null],
  ],
  [
    { name: 'interval', type: 'INTERVAL' },
    ['1-2 3 4:5:6.789', '-10000-0 -3660000 -2562047:0:0', null],
    'month_day_nano_interval',
    [
      'MonthDayNano(months=14, days=3, nanoseconds=14706789000000)',
      'MonthDayNano(months=-120000, days=-3660000, nanoseconds=-9223369200000000000)',
      null,
    ],
  ],
  [
    { name: 'range', type: 'RANGE', rangeElementType: { type: 'DATE' } },
    ['[2020-01-01, UNBOUNDED)', '[UNBOUNDED, 2020-01-01)', null],
    'struct<start: date32[day], end: date32[day]>',
    [{ start: '2020-01-01', end: null }, { start: null, end: '2020-01-01' }, null],
  ],
  [
    { name: 'moments', type: 'TIMESTAMP', mode: 'REPEATED' },
    [['253402300799999999', '-1'], [], null],
    'list<item: timestamp[us, tz=UTC]>',
    [['253402300799999999', '-1'], [], []],
  ],
  [
    { ...point, name: 'points', mode: 'REPEATED' },
    [
      [
        { a: '1', b: [] },
        { a: null, b: null },
      ],
      [],
      null,
    ],
    'list<item: struct<a: int64, b: list<item: timestamp[us, tz=UTC]> not null>>',
    [
      [
        { a: '1', b: [] },
        { a: null, b: [] },
      ],
      [],
      [],
    ],
  ],
]

describe.skipIf(!hasPython())('pyarrow reads the batches of REST rows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bigquery-rows-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  let reads: readonly Read[] = []

  beforeAll(async () => {
    const fields = columns.map(([field]) => field)
    const rows = [0, 1, 2].map((row) => columns.map(([, values]) => values[row]!))
    const big: TableField = { name: 'x', type: 'BIGNUMERIC' }
    const contents = [
      { fields, rows, limits: { batchRows: 2, batchBytes: 1 << 20 } },
      { fields, rows: [] },
      { fields: [big], rows: [[maxBigNumeric], [minBigNumeric]] },
    ]
    const paths: string[] = []
    for (const [i, { fields: own, rows: ownRows, limits }] of contents.entries()) {
      const path = join(folder, `${i}.arrows`)
      const batches = await batchesOf(own, answerOf(ownRows), limits && { limits })
      writeFileSync(path, streamOf([schemaFrameOf(own), ...batches]))
      paths.push(path)
    }
    reads = await runPython<Read[]>('bigquery_rows.py', ...paths)
  })

  it.each(columns.map(([field, , type, values], i) => [field.name, i, type, values] as const))(
    '%s with its extremes',
    (_, i, type, values) => {
      expect(reads[0]!.types[i]).toBe(type)
      expect(reads[0]!.columns[i]).toEqual(values)
    },
  )

  it('finds no fault in them', () => {
    expect(reads[0]!.fault).toBeNull()
  })

  it('an empty result has its schema', () => {
    expect(reads[1]).toEqual({
      types: columns.map(([, , type]) => type),
      columns: columns.map(() => []),
      fault: null,
    })
  })

  it('the greatest and the least BIGNUMERIC have 77 digits: pyarrow reads them exactly, and only a full validation complains', () => {
    expect(reads[2]!.columns[0]).toEqual([maxBigNumeric, minBigNumeric])
    expect(reads[2]!.fault).toContain('does not fit in precision')
  })
})
