/**
 * A column as the REST API describes it, in schemas of tables, results and dry runs. Numbers come as texts.
 * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema.
 */
export interface TableField {
  readonly name: string
  /** Legacy or standard SQL name, such as `INTEGER` or `INT64`; see `kindOf`. */
  readonly type: string
  /** `NULLABLE` (the default), `REQUIRED` or `REPEATED`. */
  readonly mode?: string | undefined
  /** Columns of a STRUCT. */
  readonly fields?: readonly TableField[] | undefined
  /** Digits of a NUMERIC or BIGNUMERIC, if declared. */
  readonly precision?: string | number | undefined
  /** Digits after the point; 0 if only the precision is declared. */
  readonly scale?: string | number | undefined
  /** Greatest length of a STRING in characters, of BYTES in bytes. */
  readonly maxLength?: string | number | undefined
  /** Fractional digits of the seconds of a TIMESTAMP: 6 (the default) or 12. */
  readonly timestampPrecision?: string | number | undefined
  readonly rangeElementType?: { readonly type?: string | undefined } | undefined
  readonly description?: string | undefined
  readonly defaultValueExpression?: string | undefined
}

/** Types of values by their name in standard SQL; `OTHER` is a type that this gateway does not know. */
export type Kind =
  | 'INT64'
  | 'FLOAT64'
  | 'BOOL'
  | 'STRING'
  | 'BYTES'
  | 'DATE'
  | 'DATETIME'
  | 'TIME'
  | 'TIMESTAMP'
  | 'NUMERIC'
  | 'BIGNUMERIC'
  | 'GEOGRAPHY'
  | 'JSON'
  | 'INTERVAL'
  | 'RANGE'
  | 'STRUCT'
  | 'OTHER'

const kinds: Readonly<Record<string, Kind>> = {
  INT64: 'INT64',
  INTEGER: 'INT64',
  INT: 'INT64',
  SMALLINT: 'INT64',
  BIGINT: 'INT64',
  TINYINT: 'INT64',
  BYTEINT: 'INT64',
  FLOAT64: 'FLOAT64',
  FLOAT: 'FLOAT64',
  BOOL: 'BOOL',
  BOOLEAN: 'BOOL',
  STRING: 'STRING',
  BYTES: 'BYTES',
  DATE: 'DATE',
  DATETIME: 'DATETIME',
  TIME: 'TIME',
  TIMESTAMP: 'TIMESTAMP',
  NUMERIC: 'NUMERIC',
  DECIMAL: 'NUMERIC',
  BIGNUMERIC: 'BIGNUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
  GEOGRAPHY: 'GEOGRAPHY',
  JSON: 'JSON',
  INTERVAL: 'INTERVAL',
  RANGE: 'RANGE',
  STRUCT: 'STRUCT',
  RECORD: 'STRUCT',
}

/** The type that a name in upper or lower case stands for, without parameters such as `(10, 2)`. */
export function kindOf(type: string): Kind {
  const name = type.toUpperCase()
  return Object.hasOwn(kinds, name) ? kinds[name]! : 'OTHER'
}

/** Whether the column is an ARRAY. */
export function isRepeated({ mode }: Pick<TableField, 'mode'>): boolean {
  return mode?.toUpperCase() === 'REPEATED'
}
