import type { FieldSchema, Row, Value } from './schema.ts'
import type { TableDeclaration } from './table.ts'

/** A column with a usual value, its extremes and NULL; values as REST sends them with `useInt64Timestamp`. */
interface TypeColumn {
  readonly field: FieldSchema
  readonly values: readonly [usual: Value, least: Value, greatest: Value]
}

const timestamp = { least: '-62135596800000000', greatest: '253402300799999999' }
const numeric = {
  least: '-99999999999999999999999999999.999999999',
  greatest: '99999999999999999999999999999.999999999',
}
/** 76 digits, the precision that Arrow declares; BIGNUMERIC itself goes to 5.7E38. */
const bignumeric = `${'9'.repeat(38)}.${'9'.repeat(38)}`

const columns: readonly TypeColumn[] = [
  { field: { name: 'int64', type: 'INT64' }, values: ['42', '-9223372036854775808', '9223372036854775807'] },
  { field: { name: 'float64', type: 'FLOAT64' }, values: ['1.5', '-Infinity', 'Infinity'] },
  { field: { name: 'not_a_number', type: 'FLOAT64' }, values: ['NaN', '5e-324', '1.7976931348623157e+308'] },
  { field: { name: 'bool', type: 'BOOL' }, values: ['true', 'false', 'true'] },
  { field: { name: 'string', type: 'STRING' }, values: ['grün 🚲', '', 'line\nbreak "quoted"'] },
  { field: { name: 'bytes', type: 'BYTES' }, values: ['AAH/', '', '/////w=='] },
  { field: { name: 'date', type: 'DATE' }, values: ['2024-02-29', '0001-01-01', '9999-12-31'] },
  {
    field: { name: 'datetime', type: 'DATETIME' },
    values: ['2024-02-29T12:34:56.789012', '0001-01-01T00:00:00', '9999-12-31T23:59:59.999999'],
  },
  {
    field: { name: 'timestamp', type: 'TIMESTAMP' },
    values: ['1709210096789012', timestamp.least, timestamp.greatest],
  },
  { field: { name: 'time', type: 'TIME' }, values: ['12:34:56.789012', '00:00:00', '23:59:59.999999'] },
  { field: { name: 'numeric', type: 'NUMERIC' }, values: ['123.45', numeric.least, numeric.greatest] },
  { field: { name: 'bignumeric', type: 'BIGNUMERIC' }, values: ['-0.5', `-${bignumeric}`, bignumeric] },
  { field: { name: 'geography', type: 'GEOGRAPHY' }, values: ['POINT(1 2)', 'POINT EMPTY', 'LINESTRING(0 0, 1 1)'] },
  { field: { name: 'json', type: 'JSON' }, values: ['{"a":[1,null]}', 'null', '9007199254740993'] },
  {
    field: { name: 'interval', type: 'INTERVAL' },
    values: ['1-2 3 4:5:6.789', '-10000-0 -3660000 -2562047:0:0', '0-0 0 -0:0:0.000001'],
  },
  {
    field: { name: 'date_range', type: 'RANGE', rangeElementType: { type: 'DATE' } },
    values: ['[2024-01-01, 2024-12-31)', '[UNBOUNDED, 2024-01-01)', '[UNBOUNDED, UNBOUNDED)'],
  },
  {
    field: { name: 'strings', type: 'STRING', mode: 'REPEATED' },
    values: [[{ v: 'a' }, { v: '' }], [], [{ v: 'z' }]],
  },
  {
    field: {
      name: 'record',
      type: 'STRUCT',
      fields: [
        { name: 'id', type: 'INT64' },
        { name: 'tags', type: 'STRING', mode: 'REPEATED' },
        { name: 'at', type: 'STRUCT', fields: [{ name: 'time', type: 'TIMESTAMP' }] },
      ],
    },
    values: [
      record('1', ['x', 'y'], '1709210096789012'),
      record('-9223372036854775808', [], timestamp.least),
      record(null, ['z'], null),
    ],
  },
  {
    field: { name: 'records', type: 'STRUCT', mode: 'REPEATED', fields: [{ name: 'day', type: 'DATE' }] },
    values: [
      [{ v: { f: [{ v: '2024-01-01' }] } }, { v: { f: [{ v: null }] } }],
      [],
      [{ v: { f: [{ v: '0001-01-01' }] } }],
    ],
  },
]

function record(id: string | null, tags: readonly string[], time: string | null): Row {
  return { f: [{ v: id }, { v: tags.map((v) => ({ v })) }, { v: { f: [{ v: time }] } }] }
}

/** `types.all`: one column of each BigQuery type; a row of usual values, of least, of greatest, and of NULL. */
export function typeTable(project?: string): TableDeclaration {
  const nothing = ({ field }: TypeColumn): Value => (field.mode === 'REPEATED' ? [] : null)
  const rows = [0, 1, 2].map((row) => ({ f: columns.map(({ values }) => ({ v: values[row]! })) }))
  return {
    ...(project !== undefined && { project }),
    dataset: 'types',
    name: 'all',
    schema: columns.map(({ field }) => field),
    rows: [...rows, { f: columns.map((column) => ({ v: nothing(column) })) }],
  }
}
