import {
  Nullable,
  Searchable,
  XdbcDatetimeSubcode as Subcode,
  XdbcDataType as X,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { MetadataRow } from './encode.ts'

interface XdbcType {
  readonly name: string
  readonly type: number
  readonly size?: number
  readonly literal?: readonly [prefix: string, suffix: string]
  readonly params?: readonly string[]
  readonly scale?: readonly [minimum: number, maximum: number]
  readonly unsigned?: boolean
  readonly fixed?: boolean
  readonly subcode?: number
}

const quoted = ["'", "'"] as const

function integer(name: string, type: number, size: number): XdbcType {
  return { name, type, size, unsigned: name.startsWith('U'), scale: [0, 0], fixed: true }
}

/** A date or time type. @param digits of the fraction of a second */
function moment(name: string, type: number, size: number, subcode: number, digits?: number): XdbcType {
  const scale = digits === undefined ? {} : { scale: [digits, digits] as const }
  return { name, type, size, literal: [`${name} '`, "'"], subcode, ...scale }
}

/**
 * DuckDB's types with their XDBC codes. Names are those of columns, without type parameters and members. Among types with the
 * same code, the most common is first. Types without an XDBC code are `XDBC_UNKNOWN_TYPE`.
 * Source: https://duckdb.org/docs/stable/sql/data_types/overview.
 */
const types: readonly XdbcType[] = [
  { name: 'BOOLEAN', type: X.XDBC_BIT, size: 1 },
  integer('TINYINT', X.XDBC_TINYINT, 3),
  integer('SMALLINT', X.XDBC_SMALLINT, 5),
  integer('INTEGER', X.XDBC_INTEGER, 10),
  integer('BIGINT', X.XDBC_BIGINT, 19),
  integer('HUGEINT', X.XDBC_NUMERIC, 39),
  integer('UTINYINT', X.XDBC_TINYINT, 3),
  integer('USMALLINT', X.XDBC_SMALLINT, 5),
  integer('UINTEGER', X.XDBC_INTEGER, 10),
  integer('UBIGINT', X.XDBC_BIGINT, 20),
  integer('UHUGEINT', X.XDBC_NUMERIC, 39),
  { name: 'BIGNUM', type: X.XDBC_NUMERIC, unsigned: false, scale: [0, 0] },
  { name: 'DECIMAL', type: X.XDBC_DECIMAL, size: 38, params: ['precision', 'scale'], unsigned: false, scale: [0, 38] },
  { name: 'FLOAT', type: X.XDBC_REAL, size: 24, unsigned: false },
  { name: 'DOUBLE', type: X.XDBC_DOUBLE, size: 53, unsigned: false },
  { name: 'VARCHAR', type: X.XDBC_VARCHAR, literal: quoted },
  { name: 'ENUM', type: X.XDBC_VARCHAR, literal: quoted, params: ['values'] },
  { name: 'JSON', type: X.XDBC_VARCHAR, literal: quoted },
  { name: 'UUID', type: X.XDBC_CHAR, size: 36, literal: ["UUID '", "'"] },
  { name: 'BLOB', type: X.XDBC_VARBINARY, literal: quoted },
  moment('DATE', X.XDBC_DATE, 10, Subcode.XDBC_SUBCODE_DATE),
  moment('TIME', X.XDBC_TIME, 15, Subcode.XDBC_SUBCODE_TIME, 6),
  moment('TIME_NS', X.XDBC_TIME, 18, Subcode.XDBC_SUBCODE_TIME, 9),
  moment('TIME WITH TIME ZONE', X.XDBC_TIME, 24, Subcode.XDBC_SUBCODE_TIME_WITH_TIMEZONE, 6),
  moment('TIMESTAMP', X.XDBC_TIMESTAMP, 26, Subcode.XDBC_SUBCODE_TIMESTAMP, 6),
  moment('TIMESTAMP_S', X.XDBC_TIMESTAMP, 19, Subcode.XDBC_SUBCODE_TIMESTAMP, 0),
  moment('TIMESTAMP_MS', X.XDBC_TIMESTAMP, 23, Subcode.XDBC_SUBCODE_TIMESTAMP, 3),
  moment('TIMESTAMP_NS', X.XDBC_TIMESTAMP, 29, Subcode.XDBC_SUBCODE_TIMESTAMP, 9),
  moment('TIMESTAMP WITH TIME ZONE', X.XDBC_TIMESTAMP, 32, Subcode.XDBC_SUBCODE_TIMESTAMP_WITH_TIMEZONE, 6),
  { name: 'INTERVAL', type: X.XDBC_INTERVAL, literal: ["INTERVAL '", "'"] },
  { name: 'BIT', type: X.XDBC_UNKNOWN_TYPE, literal: ["BIT '", "'"] },
  { name: 'GEOMETRY', type: X.XDBC_UNKNOWN_TYPE, literal: ["GEOMETRY '", "'"] },
  { name: 'LIST', type: X.XDBC_UNKNOWN_TYPE, literal: ['[', ']'] },
  { name: 'ARRAY', type: X.XDBC_UNKNOWN_TYPE, params: ['length'] },
  { name: 'STRUCT', type: X.XDBC_UNKNOWN_TYPE, literal: ['{', '}'] },
  { name: 'MAP', type: X.XDBC_UNKNOWN_TYPE, literal: ['MAP {', '}'] },
  { name: 'UNION', type: X.XDBC_UNKNOWN_TYPE },
]

/** Returns the rows of CommandGetXdbcTypeInfo, all or those of one type code, sorted by type code. */
export function xdbcTypeRows(dataType: number | undefined): MetadataRow[] {
  return types
    .filter(({ type }) => dataType === undefined || type === dataType)
    .toSorted((a, b) => a.type - b.type)
    .map(({ name, type, size, literal, params, scale, unsigned, fixed, subcode }) => {
      const isText = type === X.XDBC_VARCHAR
      return {
        type_name: name,
        data_type: type,
        column_size: size ?? null,
        literal_prefix: literal?.[0] ?? null,
        literal_suffix: literal?.[1] ?? null,
        create_params: params ?? null,
        nullable: Nullable.NULLABILITY_NULLABLE,
        case_sensitive: isText,
        searchable: isText ? Searchable.SEARCHABLE_FULL : Searchable.SEARCHABLE_BASIC,
        unsigned_attribute: unsigned ?? null,
        fixed_prec_scale: fixed ?? false,
        auto_increment: unsigned === undefined ? null : false,
        local_type_name: name,
        minimum_scale: scale?.[0] ?? null,
        maximum_scale: scale?.[1] ?? null,
        sql_data_type: subcode === undefined ? type : X.XDBC_DATETIME,
        datetime_subcode: subcode ?? null,
        num_prec_radix: unsigned === undefined ? null : name === 'FLOAT' || name === 'DOUBLE' ? 2 : 10,
        interval_precision: null,
      }
    })
}
