import { beforeAll, describe, expect, it } from 'vitest'
import { parameterSchemaOf } from '../../../../src/sources/bigquery/parameters/parameter-schema.ts'
import { type Placeholders, placeholdersOf } from '../../../../src/sources/bigquery/parameters/placeholders.ts'
import type { QueryParameter } from '../../../../src/sources/bigquery/parameters/query-parameter.ts'
import { readParameters } from '../../../../src/sources/bigquery/parameters/read-parameters.ts'
import type { ParameterType, UndeclaredParameter } from '../../../../src/sources/bigquery/rest/api.ts'
import { hasPython, runPython } from '../../../e2e/python.ts'

const one: Placeholders = { names: [], positions: 1 }
let streams: Readonly<Record<string, string>> = {}

async function read(
  name: string,
  placeholders: Placeholders = one,
  declared: readonly UndeclaredParameter[] = [],
): Promise<readonly QueryParameter[][]> {
  const rows: QueryParameter[][] = []
  const stream = Buffer.from(streams[name]!, 'base64')
  for await (const row of readParameters(stream, placeholders, declared).rows()) rows.push([...row])
  return rows
}

/** Types and values of a column of scalars. */
async function scalars(name: string, expected?: string): Promise<readonly (readonly [string, unknown])[]> {
  const declared = expected === undefined ? [] : [{ parameterType: { type: expected } }]
  const rows = await read(name, one, declared)
  return rows.map(([parameter]) => [parameter!.parameterType.type, parameter!.parameterValue.value])
}

const array = (type: string): ParameterType => ({ type: 'ARRAY', arrayType: { type } })
const struct: ParameterType = {
  type: 'STRUCT',
  structTypes: [
    { name: 'a', type: { type: 'INT64' } },
    { name: 'b', type: array('STRING') },
  ],
}
const digits76 = `${'9'.repeat(38)}.${'9'.repeat(38)}`

describe.skipIf(!hasPython())('bound parameters', () => {
  beforeAll(async () => {
    streams = await runPython('bigquery_parameters.py')
  })

  it.each([
    ['bool', 'BOOL', ['true', 'false', null]],
    ['int8', 'INT64', ['-128', '127', null]],
    ['uint32', 'INT64', ['4294967295']],
    ['int64', 'INT64', ['9223372036854775807', '-9223372036854775808', null]],
    ['uint64', 'INT64', ['9223372036854775807']],
    ['float16', 'FLOAT64', ['1.5']],
    ['float32', 'FLOAT64', ['0.25', 'NaN']],
    ['float64', 'FLOAT64', ['0.1', '-0.0', '1e+300', 'Infinity', '-Infinity', 'NaN', null]],
    ['numeric', 'NUMERIC', ['99999999999999999999999999999.999999999', '-1.5', null]],
    ['decimal(10,2)', 'NUMERIC', ['12.3']],
    ['decimal64', 'NUMERIC', ['12.3']],
    ['decimal(38,20)', 'BIGNUMERIC', ['1.00000000000000000001']],
    ['bignumeric', 'BIGNUMERIC', [digits76]],
    ['utf8', 'STRING', ['', 'é🚀\'"\\', null]],
    ['large_utf8', 'STRING', ['x']],
    ['utf8_view', 'STRING', ['x', 'a text of more than twelve bytes']],
    ['binary', 'BYTES', ['', 'AP8=', null]],
    ['large_binary', 'BYTES', ['AQ==']],
    ['binary_view', 'BYTES', ['AQEBAQEBAQEBAQEBAQEBAQEBAQE=']],
    ['fixed_binary', 'BYTES', ['YWJjZA==']],
    ['uuid', 'STRING', ['12121212-1212-1212-1212-121212121212']],
    ['date32', 'DATE', ['0001-01-01', '9999-12-31', null]],
    ['date64', 'DATE', ['2024-02-29']],
    ['timestamp[s]', 'DATETIME', ['2024-02-29T01:02:03']],
    ['timestamp[ms]', 'DATETIME', ['2024-02-29T01:02:03.004']],
    ['timestamp[us]', 'DATETIME', ['0001-01-01T00:00:00.000000', '9999-12-31T23:59:59.999999', null]],
    ['timestamp[us, UTC]', 'TIMESTAMP', ['0001-01-01T00:00:00.000000+00:00', '9999-12-31T23:59:59.999999+00:00', null]],
    ['timestamp[us, zone]', 'TIMESTAMP', ['2024-02-29T01:02:03.000000+00:00']],
    ['timestamp[ns, UTC]', 'TIMESTAMP', ['1969-12-31T23:59:59.999999+00:00', '2024-02-29T01:02:03.123456+00:00']],
    ['time32[s]', 'TIME', ['23:59:59']],
    ['time32[ms]', 'TIME', ['01:02:03.004']],
    ['time64[us]', 'TIME', ['23:59:59.999999', '00:00:00.000000', null]],
    ['time64[ns]', 'TIME', ['23:59:59.999999']],
    ['duration', 'INTERVAL', ['0-0 0 24:0:0.000005', '0-0 0 -0:0:1.5']],
    ['interval', 'INTERVAL', ['1-2 3 4:5:6.789', '-1-2 -3 -0:0:0.000001', null]],
    ['json', 'JSON', ['{"a": 1}']],
    ['null', 'INT64', [null]],
    ['dictionary', 'STRING', ['a', 'b', null, 'a']],
  ] as const)('%s is %s', async (name, type, values) => {
    expect(await scalars(name)).toEqual(values.map((value) => [type, value]))
  })

  it.each([
    ['utf8', 'DATE', 'DATE', ''],
    ['utf8', 'JSON', 'JSON', ''],
    ['utf8_view', 'BYTES', 'BYTES', 'eA=='],
    ['uint32', 'FLOAT64', 'FLOAT64', '4294967295'],
    ['uint32', 'BIGNUMERIC', 'BIGNUMERIC', '4294967295'],
    ['uint32', 'STRING', 'STRING', '4294967295'],
    ['uint32', 'BOOL', 'INT64', '4294967295'],
    ['float16', 'NUMERIC', 'NUMERIC', '1.5'],
    ['float16', 'INT64', 'FLOAT64', '1.5'],
    ['decimal(10,2)', 'FLOAT64', 'FLOAT64', '12.3'],
    ['decimal(10,2)', 'INT64', 'NUMERIC', '12.3'],
    ['decimal(38,20)', 'NUMERIC', 'BIGNUMERIC', '1.00000000000000000001'],
    ['date64', 'TIMESTAMP', 'TIMESTAMP', '2024-02-29T00:00:00+00:00'],
    ['date64', 'DATETIME', 'DATETIME', '2024-02-29T00:00:00'],
    ['timestamp[s]', 'TIMESTAMP', 'TIMESTAMP', '2024-02-29T01:02:03+00:00'],
    ['timestamp[s]', 'DATE', 'DATETIME', '2024-02-29T01:02:03'],
    ['timestamp[us]', 'DATE', 'DATE', '0001-01-01'],
    ['timestamp[us, UTC]', 'DATETIME', 'DATETIME', '0001-01-01T00:00:00.000000'],
    ['timestamp[us, UTC]', 'DATE', 'DATE', '0001-01-01'],
    ['binary', 'STRING', 'BYTES', ''],
  ])('%s where the statement expects %s is %s', async (name, expected, type, value) => {
    expect((await scalars(name, expected))[0]).toEqual([type, value])
  })

  it('NULL has the type that the statement expects', async () => {
    expect(await scalars('null', 'TIMESTAMP')).toEqual([['TIMESTAMP', null]])
    expect((await scalars('bool', 'STRING'))[2]).toEqual(['STRING', null])
    expect(await read('null', one, [{ parameterType: array('DATE') }])).toEqual([
      [{ parameterType: array('DATE'), parameterValue: { arrayValues: [] } }],
    ])
  })

  it('lists are ARRAYs; NULL is an empty one', async () => {
    const values = (await read('list')).map(([parameter]) => parameter!)
    expect(values).toEqual([
      {
        parameterType: array('INT64'),
        parameterValue: { arrayValues: [{ value: '1' }, { value: null }, { value: '3' }] },
      },
      { parameterType: array('INT64'), parameterValue: { arrayValues: [] } },
      { parameterType: array('INT64'), parameterValue: { arrayValues: [] } },
    ])
    expect((await read('large_list'))[0]![0]!.parameterValue).toEqual({ arrayValues: [{ value: 'a' }] })
    expect((await read('fixed_list'))[0]![0]!.parameterType).toEqual(array('FLOAT64'))
    const [[typed]] = (await read('list', one, [{ parameterType: array('NUMERIC') }])) as [[QueryParameter]]
    expect(typed.parameterType).toEqual(array('NUMERIC'))
    const [[nulls]] = (await read('list of null', one, [{ parameterType: array('DATE') }])) as [[QueryParameter]]
    expect(nulls).toEqual({ parameterType: array('DATE'), parameterValue: { arrayValues: [{ value: null }] } })
  })

  it('structs, maps and ranges', async () => {
    expect((await read('struct')).map(([parameter]) => parameter)).toEqual([
      {
        parameterType: struct,
        parameterValue: {
          structValues: { a: { value: '1' }, b: { arrayValues: [{ value: 'x' }, { value: null }] } },
        },
      },
      { parameterType: struct, parameterValue: { structValues: { a: { value: null }, b: { arrayValues: [] } } } },
      { parameterType: struct, parameterValue: { value: null } },
    ])
    const pair = { name: 'key', type: { type: 'STRING' } }
    expect(await read('map')).toEqual([
      [
        {
          parameterType: {
            type: 'ARRAY',
            arrayType: { type: 'STRUCT', structTypes: [pair, { name: 'value', type: { type: 'INT64' } }] },
          },
          parameterValue: { arrayValues: [{ structValues: { key: { value: 'k' }, value: { value: '1' } } }] },
        },
      ],
    ])
    const range = { type: 'RANGE', rangeElementType: { type: 'DATE' } }
    expect((await read('range')).map(([parameter]) => parameter)).toEqual([
      {
        parameterType: range,
        parameterValue: { rangeValue: { start: { value: '2020-01-01' }, end: { value: null } } },
      },
      { parameterType: range, parameterValue: { value: null } },
    ])
    expect((await read('list of structs'))[0]![0]!.parameterType).toEqual({ type: 'ARRAY', arrayType: struct })
  })

  it.each([
    ['uint64 above', 'BAD_DATA', 'Row 1 of the parameters, column 1 ("x") is beyond an INT64.'],
    ['decimal above', 'BAD_DATA', 'Row 1 of the parameters, column 1 ("x") has more digits than a BIGNUMERIC.'],
    ['date32 above', 'BAD_DATA', 'Row 1 of the parameters, column 1 ("x") is beyond what BigQuery can hold.'],
    ['timestamp above', 'BAD_DATA', 'Row 1 of the parameters, column 1 ("x") is beyond what BigQuery can hold.'],
    ['time above', 'BAD_DATA', 'Row 1 of the parameters, column 1 ("x") is beyond what BigQuery can hold.'],
    ['list of lists', 'UNSUPPORTED_TYPE', expect.stringContaining('an ARRAY of ARRAYs')],
    ['union', 'UNSUPPORTED_TYPE', expect.stringContaining('The parameter "x" has the Arrow type +us:')],
    ['many', 'TOO_LARGE', expect.stringContaining('at most 1000 rows')],
    ['two', 'BAD_REQUEST', 'The statement has 1 parameter, and the request has 2.'],
  ])('%s: %s', async (name, code, message) => {
    await expect(read(name)).rejects.toMatchObject({ code, message })
  })

  it('a whole number of decimals beyond INT64 suits a statement that expects BIGNUMERIC', async () => {
    await expect(scalars('uint64 above', 'BIGNUMERIC')).resolves.toEqual([['BIGNUMERIC', '9223372036854775808']])
  })

  it('named parameters are bound by name, in any case and order', async () => {
    const placeholders = { names: ['a', 'B'], positions: 0 }
    const [first] = await read('two', placeholders, [
      { name: 'B', parameterType: { type: 'NUMERIC' } },
      { name: 'a', parameterType: { type: 'STRING' } },
    ])
    expect(first).toEqual([
      { name: 'B', parameterType: { type: 'NUMERIC' }, parameterValue: { value: '1' } },
      { name: 'a', parameterType: { type: 'STRING' }, parameterValue: { value: 'x' } },
    ])
  })

  it('columns that a client only numbered are bound to named parameters in the order of the text', async () => {
    const [first] = await read('numbered', { names: ['b', 'a'], positions: 0 })
    expect(first!.map(({ name, parameterValue }) => [name, parameterValue.value])).toEqual([
      ['b', '1'],
      ['a', 'x'],
    ])
  })

  it('a named parameter without column: BAD_REQUEST that names it', async () => {
    await expect(read('two', { names: ['a', 'other'], positions: 0 })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: 'The statement has the parameter @other, and no column of the request has this name.',
    })
  })

  it('no rows, and typed NULLs without values', () => {
    const stream = Buffer.from(streams['none']!, 'base64')
    const parameters = readParameters(stream, one)
    expect(parameters.count).toBe(0)
    expect(parameters.nulls()).toEqual([{ parameterType: { type: 'INT64' }, parameterValue: { value: null } }])
  })

  it('bytes cut off or changed: BAD_REQUEST, or values', async () => {
    for (const name of ['struct', 'dictionary', 'numeric', 'utf8_view', 'list of structs']) {
      const stream = Buffer.from(streams[name]!, 'base64')
      for (let i = 0; i < 200; i++) {
        const changed = Buffer.from(i % 2 ? stream.subarray(0, (stream.length * i) / 200) : stream)
        const at = Math.floor((i * 7919) % changed.length)
        if (changed.length > 0) changed[at] = (changed[at]! + i) & 255
        const codes = ['BAD_REQUEST', 'UNSUPPORTED_TYPE', 'BAD_DATA', 'TOO_LARGE']
        try {
          for await (const row of readParameters(changed, one).rows()) expect(row).toHaveLength(1)
        } catch (error) {
          expect(codes).toContain((error as { code?: string }).code)
        }
      }
    }
  })
})

describe('placeholders of a statement', () => {
  it.each([
    ['SELECT ? + ?', [], 2],
    ['SELECT @a, @A, @`b`, @@system', ['a', 'b'], 0],
    ['SELECT \'?\', `@x`, "@y" -- ?\n/* @z */ # ?\n', [], 0],
    ['SELECT 1', [], 0],
  ])('%s', async (sql, names, positions) => {
    expect(await placeholdersOf(sql)).toEqual({ names, positions })
  })

  it('both kinds: BAD_SQL', async () => {
    await expect(placeholdersOf('SELECT ?, @a')).rejects.toMatchObject({ code: 'BAD_SQL' })
  })
})

describe('the schema of parameters', () => {
  it('has the types that the dry run found, and numbers for names', () => {
    const schema = parameterSchemaOf([
      { name: 'day', parameterType: { type: 'DATE' } },
      { parameterType: array('TIMESTAMP') },
      { parameterType: struct },
      { parameterType: { type: 'RANGE', rangeElementType: { type: 'DATETIME' } } },
      {},
    ])
    expect(schema.children.map(({ name, format }) => [name, format])).toEqual([
      ['day', 'tdD'],
      ['2', '+l'],
      ['3', '+s'],
      ['4', '+s'],
      ['5', 'u'],
    ])
    expect(schema.children[1]!.children[0]!.format).toBe('tsu:UTC')
    expect(schema.children[3]!.children[0]!.format).toBe('tsu:')
  })
})
