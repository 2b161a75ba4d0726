import type { FieldSchema, Row, Value } from '../fakes/bigquery/schema.ts'
import type { TableDeclaration } from '../fakes/bigquery/table.ts'

const row = (...values: readonly Value[]): Row => ({ f: values.map((v) => ({ v })) })
const list = (...values: readonly Value[]): Value => values.map((v) => ({ v }))

/** A column with its values as the REST API sends them: the least, the greatest, ordinary ones, and NULL. */
interface TypeColumn {
  readonly field: FieldSchema
  readonly values: readonly [Value, Value, Value, Value]
}

const column = (
  name: string,
  type: string,
  values: TypeColumn['values'],
  more: Partial<FieldSchema> = {},
): TypeColumn => ({
  field: { name, type, ...more },
  values,
})

/** The greatest BIGNUMERIC, which has 77 digits, and the least. */
export const bigNumericLimits = {
  greatest: '578960446186580977117854925043439539266.34992332820282019728792003956564819967',
  least: '-578960446186580977117854925043439539266.34992332820282019728792003956564819968',
} as const
/** 76 digits. */
const longBigNumeric = '99999999999999999999999999999999999999.99999999999999999999999999999999999999'

const [firstDay, lastDay] = ['0001-01-01', '9999-12-31']
const [firstMicros, lastMicros] = ['-62135596800000000', '253402300799999999']

/**
 * A column of every type with its extremes.
 * Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types.
 */
export const typeColumns: readonly TypeColumn[] = [
  column('b', 'BOOL', ['false', 'true', 'true', null]),
  column('i', 'INT64', ['-9223372036854775808', '9223372036854775807', '9007199254740993', null]),
  column('f', 'FLOAT64', ['-Infinity', 'NaN', '-0.1', null]),
  column('s', 'STRING', ['', 'Grüße 😀\u0000', 'plain "quoted" \\ text', null]),
  column('y', 'BYTES', ['', 'AP8QgA==', 'YWJj', null]),
  column('d', 'DATE', [firstDay, lastDay, '1969-12-31', null]),
  column('dt', 'DATETIME', [`${firstDay}T00:00:00`, `${lastDay}T23:59:59.999999`, '1969-12-31T23:59:59.999999', null]),
  column('ts', 'TIMESTAMP', [firstMicros, lastMicros, '-1', null]),
  column('t', 'TIME', ['00:00:00', '23:59:59.999999', '12:34:56.000001', null]),
  column('n', 'NUMERIC', [
    '-99999999999999999999999999999.999999999',
    '99999999999999999999999999999.999999999',
    '-0.000000001',
    null,
  ]),
  column('np', 'NUMERIC', ['-99999999.99', '99999999.99', '1.5', null], { precision: '10', scale: '2' }),
  column('bn', 'BIGNUMERIC', [
    bigNumericLimits.least,
    longBigNumeric,
    '-0.00000000000000000000000000000000000001',
    null,
  ]),
  column('bm', 'BIGNUMERIC', [bigNumericLimits.greatest, `-${longBigNumeric}`, '1', null]),
  column('g', 'GEOGRAPHY', ['POINT(-180 -90)', 'POLYGON((0 0, 1 0, 1 1, 0 0))', 'GEOMETRYCOLLECTION EMPTY', null]),
  column('j', 'JSON', ['{"a":[1,null,"x"]}', 'null', '"\\u00fc"', null]),
  column('iv', 'INTERVAL', ['-10000-0 -3660000 0:0:0', '10000-0 3660000 2562047:0:0', '1-2 3 -4:5:6.789', null]),
  column('rd', 'RANGE', [`[${firstDay}, ${lastDay})`, '[UNBOUNDED, 2024-01-01)', '[UNBOUNDED, UNBOUNDED)', null], {
    rangeElementType: { type: 'DATE' },
  }),
  column(
    'rdt',
    'RANGE',
    [
      `[${firstDay}T00:00:00, ${lastDay}T23:59:59.999999)`,
      '[2024-01-01T00:00:00, UNBOUNDED)',
      '[UNBOUNDED, UNBOUNDED)',
      null,
    ],
    { rangeElementType: { type: 'DATETIME' } },
  ),
  column('rts', 'RANGE', [`[${firstMicros}, ${lastMicros})`, '[-1, UNBOUNDED)', '[UNBOUNDED, UNBOUNDED)', null], {
    rangeElementType: { type: 'TIMESTAMP' },
  }),
  column('ai', 'INT64', [list('9223372036854775807', '-1'), list(), list('0'), list()], { mode: 'REPEATED' }),
  column('at', 'TIMESTAMP', [list(lastMicros, firstMicros), list(), list('0'), list()], { mode: 'REPEATED' }),
  column('st', 'STRUCT', [row('1', row('deep', list('a', ''))), row(null, row(null, list())), row('2', null), null], {
    fields: [
      { name: 'x', type: 'INT64' },
      {
        name: 'y',
        type: 'STRUCT',
        fields: [
          { name: 'z', type: 'STRING' },
          { name: 'l', type: 'STRING', mode: 'REPEATED' },
        ],
      },
    ],
  }),
  column(
    'as',
    'STRUCT',
    [list(row('k', '1.5', list()), row(null, null, list('7', '8'))), list(), list(row('', '0', list('9'))), list()],
    {
      mode: 'REPEATED',
      fields: [
        { name: 'k', type: 'STRING' },
        { name: 'v', type: 'NUMERIC' },
        { name: 'n', type: 'INT64', mode: 'REPEATED' },
      ],
    },
  ),
  // A column that is declared REQUIRED may hold NULL in a result.
  column('q', 'INT64', ['1', '2', '3', null], { mode: 'REQUIRED' }),
]

/** A table with a column of every type: `types.all_types`, and the same without rows: `types.no_rows`. */
export const allTypes: readonly TableDeclaration[] = [
  {
    dataset: 'types',
    name: 'all_types',
    schema: typeColumns.map(({ field }) => field),
    rows: [0, 1, 2, 3].map((i) => row(...typeColumns.map(({ values }) => values[i]!))),
  },
  { dataset: 'types', name: 'no_rows', schema: typeColumns.map(({ field }) => field), rows: [] },
]
