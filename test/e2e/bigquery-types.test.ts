import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allTypes, bigNumericLimits } from './bigquery-type-columns.ts'
import { startWarehouse, type Warehouse } from './bigquery-warehouse.ts'
import { hasJdbcProgram, runJdbc } from './jdbc-program.ts'
import { hasPython, runPython } from './python.ts'

interface Read {
  readonly error?: string
  readonly schema: readonly string[]
  readonly metadata: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly columns: Readonly<Record<string, readonly unknown[]>>
}

const all = 'SELECT * FROM types.all_types'
const some = 'SELECT * FROM types.all_types LIMIT 2'
const none = 'SELECT * FROM types.no_rows'

describe.skipIf(!hasPython())('values of all types of BigQuery', () => {
  let warehouse: Warehouse
  let seen: Readonly<Record<string, Read>>
  const of = (client: string, source: string, sql = all): Read => {
    const read = seen[`${client} ${source} ${sql}`]!
    expect(read.error).toBeUndefined()
    return read
  }

  beforeAll(async () => {
    // Two rows a page: results with more are read by the Storage Read API, where a source uses it.
    warehouse = await startWarehouse({
      tables: allTypes,
      pageRows: 2,
      arrow: true,
      sources: { rest: { storageApi: false, arrowResults: false }, storage: { arrowResults: false }, inline: {} },
      config: { defaultSource: 'rest' },
    })
    const pairs = ['rest', 'storage', 'inline'].flatMap((source) => [all, some, none].flatMap((sql) => [source, sql]))
    seen = await runPython('bigquery_types.py', warehouse.gateway.uri, ...pairs)
  })
  afterAll(async () => {
    expect(await warehouse.stop()).toBe(0)
    expect(warehouse.gateway.lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('are the same by REST, by the Storage Read API and as Arrow in an answer, with pyarrow and with ADBC', () => {
    const reads = warehouse.fake.requests.filter(({ method }) => method === 'ReadRows')
    expect(reads.length).toBeGreaterThanOrEqual(2)
    const short = warehouse.fake.requests.filter(({ method }) => method === 'jobs.query')
    const formats = short.map(({ body }) => (body as { queryResultsFormat?: string }).queryResultsFormat)
    expect(new Set(formats)).toEqual(new Set([undefined, 'ARROW']))
    const expected = of('pyarrow', 'rest')
    expect(of('pyarrow', 'storage')).toEqual(expected)
    expect(of('adbc', 'rest')).toEqual(expected)
    expect(of('adbc', 'storage')).toEqual(expected)
    // As Arrow within the answer of jobs.query, and the further rows by the stream of the job.
    expect(of('pyarrow', 'inline')).toEqual(expected)
    expect(of('adbc', 'inline')).toEqual(expected)
  })

  it('are the same in a result of one page', () => {
    const { schema, columns } = of('pyarrow', 'rest')
    for (const client of ['pyarrow', 'adbc'])
      for (const source of ['rest', 'storage', 'inline']) {
        const read = of(client, source, some)
        expect(read.schema).toEqual(schema)
        for (const [name, values] of Object.entries(columns)) expect(read.columns[name]).toEqual(values.slice(0, 2))
      }
  })

  it('have the same schema in a result without rows', () => {
    const { schema, metadata, columns } = of('pyarrow', 'rest')
    for (const client of ['pyarrow', 'adbc'])
      for (const source of ['rest', 'storage', 'inline']) {
        const read = of(client, source, none)
        expect({ schema: read.schema, metadata: read.metadata }).toEqual({ schema, metadata })
        expect(read.columns).toEqual(Object.fromEntries(Object.keys(columns).map((name) => [name, []])))
      }
  })

  it('have the Arrow types of the Storage Read API', () => {
    const { schema, metadata } = of('pyarrow', 'storage')
    expect(schema).toEqual([
      'b bool',
      'i int64',
      'f double',
      's string',
      'y binary',
      'd date32[day]',
      'dt timestamp[us]',
      'ts timestamp[us, tz=UTC]',
      't time64[us]',
      'n decimal128(38, 9)',
      'np decimal128(10, 2)',
      'bn decimal256(76, 38)',
      'bm decimal256(76, 38)',
      'g string',
      'j string',
      'iv month_day_nano_interval',
      'rd struct<start: date32[day], end: date32[day]>',
      'rdt struct<start: timestamp[us], end: timestamp[us]>',
      'rts struct<start: timestamp[us, tz=UTC], end: timestamp[us, tz=UTC]>',
      'ai list<item: int64> not null',
      'at list<item: timestamp[us, tz=UTC]> not null',
      'st struct<x: int64, y: struct<z: string, l: list<item: string> not null>>',
      'as list<item: struct<k: string, v: decimal128(38, 9), n: list<item: int64> not null>> not null',
      'q int64',
    ])
    expect(metadata['dt']).toMatchObject({ 'ARROW:extension:name': 'google:sqlType:datetime' })
    expect(metadata['g']).toMatchObject({ 'ARROW:extension:name': 'google:sqlType:geography' })
    expect(metadata['j']).toMatchObject({ 'ARROW:extension:name': 'google:sqlType:json' })
  })

  it.each([
    ['i', ['-9223372036854775808', '9223372036854775807', '9007199254740993', null]],
    ['f', ['-inf', 'nan', '-0.1', null]],
    ['s', ['', 'Grüße 😀\u0000', 'plain "quoted" \\ text', null]],
    ['y', ["b''", "b'\\x00\\xff\\x10\\x80'", "b'abc'", null]],
    ['d', ['0001-01-01', '9999-12-31', '1969-12-31', null]],
    ['dt', ['0001-01-01 00:00:00', '9999-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999', null]],
    ['ts', ['0001-01-01 00:00:00+00:00', '9999-12-31 23:59:59.999999+00:00', '1969-12-31 23:59:59.999999+00:00', null]],
    ['t', ['00:00:00', '23:59:59.999999', '12:34:56.000001', null]],
    ['n', ['-99999999999999999999999999999.999999999', '99999999999999999999999999999.999999999', '-1E-9', null]],
    ['np', ['-99999999.99', '99999999.99', '1.50', null]],
    ['bn', [bigNumericLimits.least, `${'9'.repeat(38)}.${'9'.repeat(38)}`, '-1E-38', null]],
    ['bm', [bigNumericLimits.greatest, `-${'9'.repeat(38)}.${'9'.repeat(38)}`, `1.${'0'.repeat(38)}`, null]],
    [
      'rd',
      [
        { start: '0001-01-01', end: '9999-12-31' },
        { start: null, end: '2024-01-01' },
        { start: null, end: null },
        null,
      ],
    ],
    ['ai', [['9223372036854775807', '-1'], [], ['0'], []]],
    ['st', [{ x: '1', y: { z: 'deep', l: ['a', ''] } }, { x: null, y: { z: null, l: [] } }, { x: '2', y: null }, null]],
    [
      'as',
      [
        [
          { k: 'k', v: '1.500000000', n: [] },
          { k: null, v: null, n: ['7', '8'] },
        ],
        [],
        [{ k: '', v: '0E-9', n: ['9'] }],
        [],
      ],
    ],
    ['q', ['1', '2', '3', null]],
  ])('of the column %s keep every digit', (name, expected) => {
    expect(of('pyarrow', 'storage').columns[name]).toEqual(expected)
  })

  it.skipIf(!hasJdbcProgram('JdbcQueries')).each(['18.3.0', '17.0.0'])('reach JDBC %s', async (version) => {
    const [rest, storage] = await Promise.all(
      ['rest', 'storage'].map((source) =>
        runJdbc('JdbcQueries', version, [warehouse.gateway.flight, source, '', 'read', all, 'read', none]),
      ),
    )
    expect(storage).toEqual(rest)
    expect(rest).toMatchObject({
      '1 i': '-9223372036854775808; 9223372036854775807; 9007199254740993; null',
      '1 y': '; 00ff1080; 616263; null',
      '1 d': '0001-01-01; 9999-12-31; 1969-12-31; null',
      '1 dt': '0001-01-01 00:00:00.0; 9999-12-31 23:59:59.999999; 1969-12-31 23:59:59.999999; null',
      '1 ts': '0001-01-01 00:00:00.0; 9999-12-31 23:59:59.999999; 1969-12-31 23:59:59.999999; null',
      '1 n': '-99999999999999999999999999999.999999999; 99999999999999999999999999999.999999999; -1E-9; null',
      '1 bn': `${bigNumericLimits.least}; ${'9'.repeat(38)}.${'9'.repeat(38)}; -1E-38; null`,
      '1 bm': `${bigNumericLimits.greatest}; -${'9'.repeat(38)}.${'9'.repeat(38)}; 1.${'0'.repeat(38)}; null`,
      '1 ai': '[9223372036854775807,-1]; []; [0]; []',
      '1 st': '{"x":1,"y":{"z":"deep","l":["a",""]}}; {"y":{"l":[]}}; {"x":2}; null',
      '1 q': '1; 2; 3; null',
      '2 bm': '',
    })
    // A driver that doubles the columns of an empty result would show some twice.
    expect(Object.keys(rest!).filter((key) => key.startsWith('2 '))).toHaveLength(allTypes[0]!.schema.length)
  })
})
