import { describe, expect, it } from 'vitest'
import { readFrame } from '../../../../src/arrow/ipc/flight-data.ts'
import { readHeader } from '../../../../src/arrow/ipc/header.ts'
import type { TableField } from '../../../../src/sources/bigquery/types/table-field.ts'
import { answerOf, batchesOf, type RestValue, rowsOf } from './encode-page.ts'

const column = (type: string, more: Partial<TableField> = {}): TableField => ({ name: 'x', type, ...more })
const range = (type: string) => column('RANGE', { rangeElementType: { type } })
const valuesOf = async (field: TableField, values: readonly RestValue[]) =>
  (await rowsOf([field], answerOf(values.map((value) => [value])))).map(([value]) => value)
const base64 = (bytes: readonly number[]) => Buffer.from(bytes).toString('base64')
const maxBigNumeric = '578960446186580977117854925043439539266.34992332820282019728792003956564819967'
const minBigNumeric = '-578960446186580977117854925043439539266.34992332820282019728792003956564819968'

describe('REST rows become Arrow', () => {
  it.each([
    ['BOOL', ['true', 'false', 'TRUE', null], [true, false, true, null]],
    [
      'INT64',
      ['0', '-1', '9223372036854775807', '-9223372036854775808', '-0', '1234567890123456', '-4294967296', null],
      ['0', '-1', '9223372036854775807', '-9223372036854775808', '0', '1234567890123456', '-4294967296', null],
    ],
    [
      'FLOAT64',
      ['1.5', '-0.0', 'NaN', 'Infinity', '-Infinity', '1.7976931348623157E308', '5e-324', '0.1', '1e+20', null],
      [1.5, -0, 'NaN', 'Infinity', '-Infinity', 1.7976931348623157e308, 5e-324, 0.1, 1e20, null],
    ],
    ['STRING', ['', 'a', 'é🚀', 'x'.repeat(1000), null], ['', 'a', 'é🚀', 'x'.repeat(1000), null]],
    ['BYTES', ['', base64([0]), base64([0, 255]), base64([1, 2, 3]), null], ['', 'AA==', 'AP8=', 'AQID', null]],
    ['DATE', ['0001-01-01', '9999-12-31', '1970-01-01', '2024-02-29', null]],
    [
      'DATETIME',
      ['0001-01-01T00:00:00', '9999-12-31T23:59:59.999999', '1969-12-31T23:59:59.5', '2024-02-29 01:02:03', null],
      [
        '0001-01-01T00:00:00.000000',
        '9999-12-31T23:59:59.999999',
        '1969-12-31T23:59:59.500000',
        '2024-02-29T01:02:03.000000',
        null,
      ],
    ],
    [
      'TIME',
      ['00:00:00', '23:59:59.999999', '12:00:00.1', null],
      ['00:00:00.000000', '23:59:59.999999', '12:00:00.100000', null],
    ],
    [
      'TIMESTAMP',
      ['-62135596800000000', '253402300799999999', '0', '-1', null],
      [
        '0001-01-01T00:00:00.000000Z',
        '9999-12-31T23:59:59.999999Z',
        '1970-01-01T00:00:00.000000Z',
        '1969-12-31T23:59:59.999999Z',
        null,
      ],
    ],
    [
      'NUMERIC',
      [
        '99999999999999999999999999999.999999999',
        '-99999999999999999999999999999.999999999',
        '0',
        '1.5',
        '-0.000000001',
        null,
      ],
      [
        '99999999999999999999999999999.999999999',
        '-99999999999999999999999999999.999999999',
        '0.000000000',
        '1.500000000',
        '-0.000000001',
        null,
      ],
    ],
    ['JSON', ['{"a":[1,null]}', 'null', '"\\u0041"', null], ['{"a":[1,null]}', 'null', '"\\u0041"', null]],
    ['GEOGRAPHY', ['POINT(-122.35 47.62)', null]],
    [
      'INTERVAL',
      ['0-0 0 0:0:0', '1-2 3 4:5:6.789', '-1-2 -3 -4:5:6.000001', '10000-0 3660000 2562047:0:0', null],
      ['P0M0DT0S', 'P14M3DT14706.789S', 'P-14M-3DT-14706.000001S', 'P120000M3660000DT9223369200S', null],
    ],
    ['A_TYPE_OF_TOMORROW', ['text', null]],
  ] as const)('%s with its extremes', async (type, values, expected: readonly unknown[] = values) => {
    expect(await valuesOf(column(type), values)).toEqual(expected)
  })

  it('BIGNUMERIC with 76 digits, and with the 77 of its greatest and least values', async () => {
    const digits76 = `${'9'.repeat(38)}.${'9'.repeat(38)}`
    const values = [digits76, `-${digits76}`, maxBigNumeric, minBigNumeric, '1E-38', '5.78E+38', '0', null]
    expect(await valuesOf(column('BIGNUMERIC'), values)).toEqual([
      digits76,
      `-${digits76}`,
      maxBigNumeric,
      minBigNumeric,
      `0.${'0'.repeat(37)}1`,
      `578${'0'.repeat(36)}.${'0'.repeat(38)}`,
      `0.${'0'.repeat(38)}`,
      null,
    ])
  })

  it.each([
    ['DATE', '[2020-01-01, 9999-12-31)', { start: '2020-01-01', end: '9999-12-31' }],
    ['DATE', '[UNBOUNDED, 2020-12-31)', { start: null, end: '2020-12-31' }],
    ['DATE', '[2020-01-01, UNBOUNDED)', { start: '2020-01-01', end: null }],
    ['DATE', '[UNBOUNDED, UNBOUNDED)', { start: null, end: null }],
    [
      'DATETIME',
      '[0001-01-01T00:00:00, 9999-12-31T23:59:59.999999)',
      { start: '0001-01-01T00:00:00.000000', end: '9999-12-31T23:59:59.999999' },
    ],
    ['TIMESTAMP', '[-1, UNBOUNDED)', { start: '1969-12-31T23:59:59.999999Z', end: null }],
    [
      'TIMESTAMP',
      '[2020-01-01 00:00:00 UTC, 2020-01-01 00:00:00.5+01:00)',
      { start: '2020-01-01T00:00:00.000000Z', end: '2019-12-31T23:00:00.500000Z' },
    ],
    ['DATE', null, null],
  ])('RANGE<%s> %s', async (type, text, expected) => {
    expect(await valuesOf(range(type), [text])).toEqual([expected])
  })

  it.each([
    ['1.689139119531834E9', '2023-07-12T05:18:39.531834Z'],
    ['-6.21355968E10', '0001-01-01T00:00:00.000000Z'],
    ['1689139119.5318339', '2023-07-12T05:18:39.531834Z'],
    ['2023-07-12T05:18:39.531834Z', '2023-07-12T05:18:39.531834Z'],
    ['2023-07-12T05:18:39.531834999999Z', '2023-07-12T05:18:39.531834Z'],
    ['2023-07-12 05:18:39+00', '2023-07-12T05:18:39.000000Z'],
  ])('TIMESTAMP as another server or option sends it: %s', async (text, expected) => {
    expect(await valuesOf(column('TIMESTAMP'), [text])).toEqual([expected])
  })

  it('TIMESTAMP with 12 digits loses those after microseconds', async () => {
    const field = column('TIMESTAMP', { timestampPrecision: '12' })
    expect(await valuesOf(field, ['2262-04-11T23:47:15.123456789123Z'])).toEqual(['2262-04-11T23:47:15.123456Z'])
  })

  it('numbers and booleans that another server sends without quotes', async () => {
    const answer = Buffer.from('{"rows":[{"f":[{"v":1},{"v":true},{"v":1.5e3},{"v":null}]}]}')
    const types = ['INT64', 'BOOL', 'FLOAT64', 'STRING']
    expect(
      await rowsOf(
        types.map((type) => column(type)),
        answer,
      ),
    ).toEqual([['1', true, 1500, null]])
  })

  it('ARRAY: NULL is an empty array, items may be NULL', async () => {
    expect(await valuesOf(column('INTEGER', { mode: 'REPEATED' }), [['1', null, '3'], [], null])).toEqual([
      ['1', null, '3'],
      [],
      [],
    ])
  })

  it('STRUCT, nested and repeated; NULL in REQUIRED columns', async () => {
    const point = column('RECORD', {
      name: 'point',
      fields: [column('INT64', { name: 'a', mode: 'REQUIRED' }), column('STRING', { name: 'b', mode: 'REPEATED' })],
    })
    const fields = [
      column('STRUCT', { name: 's', mode: 'REQUIRED', fields: [point, column('DATE', { name: 'd' })] }),
      { ...point, mode: 'REPEATED' },
    ]
    const rows: RestValue[][] = [
      [{ point: { a: '1', b: ['x', 'y'] }, d: '2024-01-01' }, [{ a: '2', b: [] }, null]],
      [{ point: null, d: null }, []],
      [null, null],
      [{ point: { a: null, b: null }, d: '2024-01-02' }, [{ a: null, b: ['z'] }]],
    ]
    expect(await rowsOf(fields, answerOf(rows))).toEqual([
      [{ point: { a: '1', b: ['x', 'y'] }, d: '2024-01-01' }, [{ a: '2', b: [] }, null]],
      [{ point: null, d: null }, []],
      [null, []],
      [{ point: { a: null, b: [] }, d: '2024-01-02' }, [{ a: null, b: ['z'] }]],
    ])
  })

  it('no rows: no batch', async () => {
    expect(await batchesOf([column('INT64')], answerOf([]))).toEqual([])
    expect(await batchesOf([column('INT64')], Buffer.from('{"jobComplete":true}'))).toEqual([])
  })

  it('white space, unknown members and another order of members', async () => {
    const answer = Buffer.from(
      '\n{ "rows" : [ { "x" : [1, {"y": "}]"}] , "f" : [ { "w" : null, "v" : "1" , "u":{} } , {} ] } \n] , "kind":"k" }\n',
    )
    expect(await rowsOf([column('INT64'), column('STRING')], answer)).toEqual([['1', null]])
  })

  it('escapes in texts, base64 and numbers', async () => {
    const answer = Buffer.from(
      String.raw`{"rows":[{"f":[{"v":"\u00e9\ud83d\ude80\n\"\\\/\b\f\r\t\ud800x\udc00"},{"v":"AP8\u003d"},{"v":"\u0031\u0032"}]}]}`,
    )
    const fields = [column('STRING'), column('BYTES'), column('INT64')]
    expect(await rowsOf(fields, answer)).toEqual([['é🚀\n"\\/\b\f\r\t\ufffdx\ufffd', 'AP8=', '12']])
  })

  it('batches are bounded in rows and in bytes, and together hold all rows in order', async () => {
    const rows = Array.from({ length: 1000 }, (_, i) => [String(i), 'x'.repeat(i)])
    const fields = [column('INT64'), column('STRING')]
    const answer = answerOf(rows)
    const byRows = await batchesOf(fields, answer, { limits: { batchRows: 300, batchBytes: 1 << 30 } })
    expect(byRows.map((frame) => frame.rows)).toEqual([300, 300, 300, 100])
    const byBytes = await batchesOf(fields, answer, { limits: { batchRows: 1 << 20, batchBytes: 65_536 } })
    expect(byBytes.length).toBeGreaterThan(5)
    expect(Math.max(...byBytes.map((frame) => frame.byteLength))).toBeLessThan(2 * 65_536)
    expect(await rowsOf(fields, answer, { limits: { batchRows: 77, batchBytes: 9000 } })).toEqual(rows)
  })

  it('a NULL of a wide STRUCT takes few bytes of JSON and many of Arrow: batches stay bounded', async () => {
    const members = Array.from({ length: 2000 }, (_, i) => column('BIGNUMERIC', { name: `m${i}` }))
    const answer = answerOf(Array.from({ length: 200 }, () => [null]))
    const batches = await batchesOf([column('STRUCT', { fields: members })], answer, {
      limits: { batchRows: 1 << 20, batchBytes: 1 << 20 },
    })
    expect(batches.reduce((sum, frame) => sum + frame.rows, 0)).toBe(200)
    expect(Math.max(...batches.map((frame) => frame.byteLength))).toBeLessThan(2 << 20)
  })

  it('batches have bodies of a multiple of 8 bytes, whose memory is not used again', async () => {
    const fields = [column('STRING'), column('BOOL')]
    const answer = answerOf(Array.from({ length: 50 }, (_, i) => [i % 3 ? `v${i}` : null, i % 2 ? 'true' : null]))
    const [first, second] = await batchesOf(fields, answer, { limits: { batchRows: 25, batchBytes: 1 << 20 } })
    expect(readHeader(readFrame(first!).header).bodyLength % 8).toBe(0)
    expect(first!.chunks.at(-1)!.buffer).not.toBe(second!.chunks.at(-1)!.buffer)
  })
})

describe('values that do not fit their column', () => {
  it.each([
    ['INT64', '9223372036854775808'],
    ['INT64', '-9223372036854775809'],
    ['INT64', '99999999999999999999'],
    ['INT64', ''],
    ['INT64', '-'],
    ['INT64', '1.5'],
    ['INT64', '1234567890123456x89'],
    ['FLOAT64', ''],
    ['FLOAT64', '0x10'],
    ['FLOAT64', '1.2.3'],
    ['FLOAT64', '.'],
    ['FLOAT64', 'Infinit'],
    ['BOOL', 'yes'],
    ['BYTES', 'A'],
    ['BYTES', 'A==='],
    ['BYTES', 'AB=C'],
    ['BYTES', 'AB*='],
    ['DATE', '2023-02-29'],
    ['DATE', '0000-01-01'],
    ['DATE', '2023-13-01'],
    ['DATE', '2023-01-0x'],
    ['DATE', '2023-01-01 '],
    ['TIME', '24:00:00'],
    ['TIME', '12:60:00'],
    ['TIME', '12:00:00.'],
    ['TIME', '12:00:00.1234567890123'],
    ['DATETIME', '2023-01-01'],
    ['DATETIME', '2023-01-01T12:00:00Z'],
    ['TIMESTAMP', '2023-01-01T12:00:00+1'],
    ['TIMESTAMP', '1e300'],
    ['TIMESTAMP', 'yesterday'],
    ['NUMERIC', '1e30'],
    ['NUMERIC', '0.0000000001'],
    ['NUMERIC', '1.2.3'],
    ['NUMERIC', '.'],
    ['NUMERIC', '1e'],
    ['BIGNUMERIC', maxBigNumeric.replace(/7$/, '8')],
    ['BIGNUMERIC', minBigNumeric.replace(/8$/, '9')],
    ['BIGNUMERIC', '1e39'],
    ['INTERVAL', '1 2 3'],
    ['RANGE', '[2020-01-01, 2020-12-31]'],
    ['RANGE', '[2020-01-01)'],
    ['RANGE', ''],
    ['STRUCT', 'text'],
  ])('%s "%s": UPSTREAM_DATA with row and column, without the value', async (type, text) => {
    const answer = answerOf([[null], [text]])
    await expect(rowsOf([column(type, { name: 'c' })], answer)).rejects.toMatchObject({
      code: 'UPSTREAM_DATA',
      message: expect.stringMatching(/^BigQuery sent a malformed row: row 2, column "c" (is|has) [^"]*$/),
    })
  })

  it('decimals with more digits than declared: UPSTREAM_DATA', async () => {
    const field = column('NUMERIC', { precision: '5', scale: '2' })
    expect(await valuesOf(field, ['999.99', '-999.99'])).toEqual(['999.99', '-999.99'])
    await expect(valuesOf(field, ['1000.00'])).rejects.toMatchObject({ code: 'UPSTREAM_DATA' })
    await expect(valuesOf(field, ['1.001'])).rejects.toMatchObject({ code: 'UPSTREAM_DATA' })
    expect(await valuesOf(field, ['1.010'])).toEqual(['1.01'])
  })

  it('an INTERVAL beyond the nanoseconds of 64 bits: UNSUPPORTED_TYPE that says what to do', async () => {
    await expect(valuesOf(column('INTERVAL'), ['0-0 0 87840000:0:0'])).rejects.toMatchObject({
      code: 'UNSUPPORTED_TYPE',
      message:
        'Row 1, column "x" is an INTERVAL of more than 2,562,047 hours, which Arrow cannot express: cast it, for example to STRING.',
    })
  })

  it('a fault within STRUCTs and ARRAYs names the way to it; rows count over all pages', async () => {
    const inner = column('STRUCT', { name: 'b', mode: 'REPEATED', fields: [column('INT64', { name: 'c' })] })
    const field = column('STRUCT', { name: 'a', fields: [inner] })
    await expect(valuesOf(field, [{ b: [{ c: '1' }, { c: 'x' }] }])).rejects.toMatchObject({
      message: 'BigQuery sent a malformed row: row 1, column "a.b.c" is not an integer of 64 bits.',
    })
  })

  it.each([
    ['too few cells', '{"rows":[{"f":[{"v":"1"}]}]}'],
    ['too many cells', '{"rows":[{"f":[{"v":"1"},{"v":"2"},{"v":"3"}]}]}'],
    ['a row without cells', '{"rows":[{}]}'],
    ['two values in a cell', '{"rows":[{"f":[{"v":"1","v":"1"},{"v":"2"}]}]}'],
    ['rows cut off', '{"rows":[{"f":[{"v":"1"},{"v":"2"}]}'],
    ['text cut off', '{"rows":[{"f":[{"v":"1'],
    ['another bracket', '{"rows":[{"f":[{"v":"1"},{"v":"2"}]]]}'],
    ['a trailing comma', '{"rows":[{"f":[{"v":"1"},{"v":"2"}]},]}'],
    ['a control character', '{"rows":[{"f":[{"v":"1"},{"v":"\u0001"}]}]}'],
    ['an unknown escape', String.raw`{"rows":[{"f":[{"v":"1"},{"v":"\x"}]}]}`],
    ['a literal of no JSON', '{"rows":[{"f":[{"v":"1"},{"v":nil}]}]}'],
    ['bytes behind it', '{"rows":[]} x'],
    ['no object', '[]'],
    ['nothing', ''],
    ['an endless depth', `{"rows":[{"x":${'['.repeat(100_000)}${']'.repeat(100_000)},"f":[]}]}`],
  ])('%s: UPSTREAM_DATA', async (_, answer) => {
    const fields = [column('INT64'), column('INT64')]
    await expect(rowsOf(fields, Buffer.from(answer))).rejects.toMatchObject({ code: 'UPSTREAM_DATA' })
  })

  it('bytes that are not UTF-8: UPSTREAM_DATA', async () => {
    const answer = Buffer.from('{"rows":[{"f":[{"v":"?"}]}]}')
    answer[answer.indexOf('?')] = 0xff
    await expect(rowsOf([column('STRING')], answer)).rejects.toMatchObject({ code: 'UPSTREAM_DATA' })
  })
})
