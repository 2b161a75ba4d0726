import { Nullable, Searchable, XdbcDataType as X } from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { MetadataRow } from './encode.ts'

interface TypeFacts {
  readonly name: string
  readonly type: number
  readonly size: number | null
  readonly literal?: readonly [prefix: string, suffix: string]
  readonly params?: readonly string[]
  readonly scale?: readonly [minimum: number, maximum: number]
  readonly unsigned?: boolean
  readonly fixed?: boolean
}

const quoted = ["'", "'"] as const
/** DuckDB's types as XDBC knows them. Source: https://duckdb.org/docs/stable/sql/data_types/overview. */
const types: readonly TypeFacts[] = [
  { name: 'BOOLEAN', type: X.XDBC_BIT, size: 1 },
  { name: 'TINYINT', type: X.XDBC_TINYINT, size: 3, unsigned: false, scale: [0, 0], fixed: true },
  { name: 'SMALLINT', type: X.XDBC_SMALLINT, size: 5, unsigned: false, scale: [0, 0], fixed: true },
  { name: 'INTEGER', type: X.XDBC_INTEGER, size: 10, unsigned: false, scale: [0, 0], fixed: true },
  { name: 'BIGINT', type: X.XDBC_BIGINT, size: 19, unsigned: false, scale: [0, 0], fixed: true },
  { name: 'UTINYINT', type: X.XDBC_TINYINT, size: 3, unsigned: true, scale: [0, 0], fixed: true },
  { name: 'USMALLINT', type: X.XDBC_SMALLINT, size: 5, unsigned: true, scale: [0, 0], fixed: true },
  { name: 'UINTEGER', type: X.XDBC_INTEGER, size: 10, unsigned: true, scale: [0, 0], fixed: true },
  { name: 'UBIGINT', type: X.XDBC_BIGINT, size: 20, unsigned: true, scale: [0, 0], fixed: true },
  { name: 'DECIMAL', type: X.XDBC_DECIMAL, size: 38, params: ['precision', 'scale'], unsigned: false, scale: [0, 38] },
  { name: 'REAL', type: X.XDBC_REAL, size: 24, unsigned: false },
  { name: 'DOUBLE', type: X.XDBC_DOUBLE, size: 53, unsigned: false },
  { name: 'VARCHAR', type: X.XDBC_VARCHAR, size: null, literal: quoted },
  { name: 'BLOB', type: X.XDBC_VARBINARY, size: null, literal: quoted },
  { name: 'DATE', type: X.XDBC_DATE, size: 10, literal: ["DATE '", "'"] },
  { name: 'TIME', type: X.XDBC_TIME, size: 15, literal: ["TIME '", "'"], scale: [6, 6] },
  { name: 'TIMESTAMP', type: X.XDBC_TIMESTAMP, size: 26, literal: ["TIMESTAMP '", "'"], scale: [6, 6] },
  {
    name: 'TIMESTAMP WITH TIME ZONE',
    type: X.XDBC_TIMESTAMP,
    size: 32,
    literal: ["TIMESTAMPTZ '", "'"],
    scale: [6, 6],
  },
]

/** Rows of CommandGetXdbcTypeInfo, all or those of one type, in the order of their type codes. */
export function xdbcTypeRows(dataType: number | undefined): MetadataRow[] {
  return types
    .filter(({ type }) => dataType === undefined || type === dataType)
    .toSorted((a, b) => a.type - b.type)
    .map(({ name, type, size, literal, params, scale, unsigned, fixed }) => {
      const isText = type === X.XDBC_VARCHAR
      const isTime = type === X.XDBC_DATE || type === X.XDBC_TIME || type === X.XDBC_TIMESTAMP
      return {
        type_name: name,
        data_type: type,
        column_size: size,
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
        sql_data_type: isTime ? X.XDBC_DATETIME : type,
        datetime_subcode: isTime ? type - 90 : null,
        num_prec_radix: unsigned === undefined ? null : name === 'REAL' || name === 'DOUBLE' ? 2 : 10,
        interval_precision: null,
      }
    })
}
