import {
  Nullable,
  Searchable,
  XdbcDatetimeSubcode as Subcode,
  XdbcDataType as X,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'

interface Type {
  readonly name: string
  readonly type: number
  readonly size?: number
  readonly literal?: readonly [prefix: string, suffix: string]
  readonly params?: readonly string[]
  readonly scale?: readonly [minimum: number, maximum: number]
  /** Whether the type is a number; 2 or 10 is the base of its size. */
  readonly radix?: 2 | 10
  readonly subcode?: number
}

/** A type whose literals are its name and a string. */
const literal = (name: string) => [`${name} '`, "'"] as const

/**
 * The types of BigQuery with their XDBC codes. Among types with one code, the most common comes first.
 * Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types.
 */
const types: readonly Type[] = [
  { name: 'STRING', type: X.XDBC_VARCHAR, literal: ["'", "'"], params: ['length'] },
  { name: 'JSON', type: X.XDBC_VARCHAR, literal: literal('JSON') },
  { name: 'INT64', type: X.XDBC_BIGINT, size: 19, scale: [0, 0], radix: 10 },
  { name: 'FLOAT64', type: X.XDBC_DOUBLE, size: 53, radix: 2 },
  numeric('NUMERIC', 38, 9),
  numeric('BIGNUMERIC', 76, 38),
  { name: 'BOOL', type: X.XDBC_BIT, size: 1 },
  { name: 'BYTES', type: X.XDBC_VARBINARY, literal: ["b'", "'"], params: ['length'] },
  { name: 'DATE', type: X.XDBC_DATE, size: 10, literal: literal('DATE'), subcode: Subcode.XDBC_SUBCODE_DATE },
  moment('TIME', X.XDBC_TIME, 15, Subcode.XDBC_SUBCODE_TIME),
  moment('TIMESTAMP', X.XDBC_TIMESTAMP, 32, Subcode.XDBC_SUBCODE_TIMESTAMP_WITH_TIMEZONE),
  moment('DATETIME', X.XDBC_TIMESTAMP, 26, Subcode.XDBC_SUBCODE_TIMESTAMP),
  { name: 'INTERVAL', type: X.XDBC_INTERVAL, literal: literal('INTERVAL') },
  { name: 'GEOGRAPHY', type: X.XDBC_UNKNOWN_TYPE, literal: ["ST_GEOGFROMTEXT('", "')"] },
  { name: 'RANGE', type: X.XDBC_UNKNOWN_TYPE, literal: literal('RANGE<DATE>') },
  { name: 'ARRAY', type: X.XDBC_UNKNOWN_TYPE, literal: ['[', ']'] },
  { name: 'STRUCT', type: X.XDBC_UNKNOWN_TYPE, literal: ['STRUCT(', ')'] },
]

function numeric(name: string, size: number, scale: number): Type {
  const params = ['precision', 'scale']
  return { name, type: X.XDBC_NUMERIC, size, literal: literal(name), params, scale: [0, scale], radix: 10 }
}

/** A type with microseconds. */
function moment(name: string, type: number, size: number, subcode: number): Type {
  return { name, type, size, literal: literal(name), scale: [6, 6], subcode }
}

/** The rows of CommandGetXdbcTypeInfo. */
export const xdbcTypes: readonly Readonly<Record<string, unknown>>[] = types
  .toSorted((a, b) => a.type - b.type)
  .map(({ name, type, size, literal, params, scale, radix, subcode }) => ({
    type_name: name,
    data_type: type,
    column_size: size ?? null,
    literal_prefix: literal?.[0] ?? null,
    literal_suffix: literal?.[1] ?? null,
    create_params: params ?? null,
    nullable: Nullable.NULLABILITY_NULLABLE,
    case_sensitive: name === 'STRING',
    searchable: name === 'STRING' ? Searchable.SEARCHABLE_FULL : Searchable.SEARCHABLE_BASIC,
    unsigned_attribute: radix === undefined ? null : false,
    fixed_prec_scale: name === 'INT64',
    auto_increment: radix === undefined ? null : false,
    local_type_name: name,
    minimum_scale: scale?.[0] ?? null,
    maximum_scale: scale?.[1] ?? null,
    sql_data_type: subcode === undefined ? type : X.XDBC_DATETIME,
    datetime_subcode: subcode ?? null,
    num_prec_radix: radix ?? null,
    interval_precision: null,
  }))
