import {
  SqlSupportsConvert as Convert,
  SqlInfo,
  SqlTransactionIsolationLevel,
  SqlSupportedTransaction as Transaction,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { EngineCapabilities } from './engine-capabilities.ts'
import { SqlInfoKind } from './schemas.ts'

/** A SqlInfo value with the union type that clients expect. */
export type SqlInfoEntry = readonly [kind: SqlInfoKind, value: unknown]
const text = (value: string): SqlInfoEntry => [SqlInfoKind.text, value]
const flag = (value: boolean): SqlInfoEntry => [SqlInfoKind.flag, value]
const big = (value: number): SqlInfoEntry => [SqlInfoKind.bigint, BigInt(value)]
const bits = (value: number): SqlInfoEntry => [SqlInfoKind.bitmask, value]
const list = (value: readonly string[]): SqlInfoEntry => [SqlInfoKind.textList, value]
/** SqlInfo's value for "no limit". */
const unlimited = big(0)

const keywords = [
  'ANTI',
  'ASOF',
  'ATTACH',
  'COLUMNS',
  'DESCRIBE',
  'EXCLUDE',
  'GLOB',
  'ILIKE',
  'LATERAL',
  'MACRO',
  'PIVOT',
  'POSITIONAL',
  'PRAGMA',
  'QUALIFY',
  'REPLACE',
  'SAMPLE',
  'SEMI',
  'SHOW',
  'SUMMARIZE',
  'UNPIVOT',
]
const numericFunctions = [
  'ABS',
  'ACOS',
  'ASIN',
  'ATAN',
  'ATAN2',
  'CEILING',
  'COS',
  'COT',
  'DEGREES',
  'EXP',
  'FLOOR',
  'LOG',
  'LOG10',
  'MOD',
  'PI',
  'POWER',
  'RADIANS',
  'ROUND',
  'SIGN',
  'SIN',
  'SQRT',
  'TAN',
]
const stringFunctions = [
  'ASCII',
  'CHR',
  'CONCAT',
  'LCASE',
  'LEFT',
  'LENGTH',
  'LTRIM',
  'REPEAT',
  'REPLACE',
  'RIGHT',
  'RTRIM',
  'SUBSTRING',
  'UCASE',
]
const systemFunctions = ['CURRENT_DATABASE', 'IFNULL', 'CURRENT_SCHEMA']
const datetimeFunctions = [
  'CURRENT_DATE',
  'CURRENT_TIME',
  'CURRENT_TIMESTAMP',
  'DAYNAME',
  'DAYOFMONTH',
  'DAYOFWEEK',
  'DAYOFYEAR',
  'HOUR',
  'MINUTE',
  'MONTH',
  'MONTHNAME',
  'NOW',
  'QUARTER',
  'SECOND',
  'WEEK',
  'YEAR',
]

const numbers = [
  Convert.SQL_CONVERT_BIGINT,
  Convert.SQL_CONVERT_DECIMAL,
  Convert.SQL_CONVERT_FLOAT,
  Convert.SQL_CONVERT_INTEGER,
  Convert.SQL_CONVERT_NUMERIC,
  Convert.SQL_CONVERT_REAL,
  Convert.SQL_CONVERT_SMALLINT,
  Convert.SQL_CONVERT_TINYINT,
]
const conversions = new Map<number, readonly number[]>([
  ...numbers.map((from) => [from, [...numbers, Convert.SQL_CONVERT_BIT, Convert.SQL_CONVERT_VARCHAR]] as const),
  [
    Convert.SQL_CONVERT_VARCHAR,
    [
      ...numbers,
      Convert.SQL_CONVERT_BIT,
      Convert.SQL_CONVERT_DATE,
      Convert.SQL_CONVERT_TIME,
      Convert.SQL_CONVERT_TIMESTAMP,
      Convert.SQL_CONVERT_VARBINARY,
      Convert.SQL_CONVERT_VARCHAR,
    ],
  ],
  [Convert.SQL_CONVERT_DATE, [Convert.SQL_CONVERT_TIMESTAMP, Convert.SQL_CONVERT_VARCHAR]],
  [Convert.SQL_CONVERT_TIMESTAMP, [Convert.SQL_CONVERT_DATE, Convert.SQL_CONVERT_TIME, Convert.SQL_CONVERT_VARCHAR]],
])

/** The `SqlTransactionIsolationLevel` nearest to DuckDB's snapshot isolation. */
const REPEATABLE_READ = SqlTransactionIsolationLevel.SQL_TRANSACTION_REPEATABLE_READ

/** Bit of `SqlSupportedElementActions`: CREATE INDEX takes names with schema and catalog. No procedures, no privileges. */
const IN_INDEX_DEFINITIONS = 1 << 1

/** Properties of the gateway that SqlInfo reports for every source. */
export interface ServerInfo {
  readonly version: string
  readonly maxStatementBytes: number
  readonly transactionIdleMs: number
  /** Time to live of the handle of a prepared statement, in milliseconds. */
  readonly preparedTtlMs: number
  readonly maxConnections: number
}

/** Maps the capabilities to `SqlSupportedTransaction`. */
function transactionSupport({ transactions, savepoints }: EngineCapabilities): number {
  const { SQL_SUPPORTED_TRANSACTION_NONE: none, SQL_SUPPORTED_TRANSACTION_SAVEPOINT: both } = Transaction
  if (savepoints) return both
  return transactions ? Transaction.SQL_SUPPORTED_TRANSACTION_TRANSACTION : none
}

/** Default values of all SqlInfo codes in the specification. The SQL properties are those of DuckDB. */
export function defaultValues(capabilities: ServerInfo & EngineCapabilities): Map<number, SqlInfoEntry> {
  const { version, readOnly, maxStatementBytes, transactions, savepoints, ingestion } = capabilities
  const { transactionIdleMs, preparedTtlMs, maxConnections } = capabilities
  return new Map<number, SqlInfoEntry>([
    [SqlInfo.FLIGHT_SQL_SERVER_NAME, text('flightgate')],
    [SqlInfo.FLIGHT_SQL_SERVER_VERSION, text(version)],
    [SqlInfo.FLIGHT_SQL_SERVER_ARROW_VERSION, text('1.5.0')],
    [SqlInfo.FLIGHT_SQL_SERVER_READ_ONLY, flag(readOnly)],
    [SqlInfo.FLIGHT_SQL_SERVER_SQL, flag(true)],
    [SqlInfo.FLIGHT_SQL_SERVER_SUBSTRAIT, flag(false)],
    [SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION, bits(transactionSupport(capabilities))],
    [SqlInfo.FLIGHT_SQL_SERVER_CANCEL, flag(true)],
    [SqlInfo.FLIGHT_SQL_SERVER_BULK_INGESTION, flag(ingestion && !readOnly)],
    [SqlInfo.FLIGHT_SQL_SERVER_INGEST_TRANSACTIONS_SUPPORTED, flag(transactions && ingestion && !readOnly)],
    // The specification means the lifetime of prepared statement handles, not the timeout of a running statement.
    [SqlInfo.FLIGHT_SQL_SERVER_STATEMENT_TIMEOUT, bits(Math.min(preparedTtlMs, 2 ** 31 - 1))],
    [SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION_TIMEOUT, bits(transactionIdleMs)],
    [SqlInfo.SQL_DDL_CATALOG, flag(false)],
    [SqlInfo.SQL_DDL_SCHEMA, flag(!readOnly)],
    [SqlInfo.SQL_DDL_TABLE, flag(!readOnly)],
    [SqlInfo.SQL_IDENTIFIER_CASE, big(1)],
    [SqlInfo.SQL_IDENTIFIER_QUOTE_CHAR, text('"')],
    [SqlInfo.SQL_QUOTED_IDENTIFIER_CASE, big(1)],
    [SqlInfo.SQL_ALL_TABLES_ARE_SELECTABLE, flag(true)],
    [SqlInfo.SQL_NULL_ORDERING, big(3)],
    [SqlInfo.SQL_KEYWORDS, list(keywords)],
    [SqlInfo.SQL_NUMERIC_FUNCTIONS, list(numericFunctions)],
    [SqlInfo.SQL_STRING_FUNCTIONS, list(stringFunctions)],
    [SqlInfo.SQL_SYSTEM_FUNCTIONS, list(systemFunctions)],
    [SqlInfo.SQL_DATETIME_FUNCTIONS, list(datetimeFunctions)],
    [SqlInfo.SQL_SEARCH_STRING_ESCAPE, text('\\')],
    [SqlInfo.SQL_EXTRA_NAME_CHARACTERS, text('')],
    [SqlInfo.SQL_SUPPORTS_COLUMN_ALIASING, flag(true)],
    [SqlInfo.SQL_NULL_PLUS_NULL_IS_NULL, flag(true)],
    [SqlInfo.SQL_SUPPORTS_CONVERT, [SqlInfoKind.listMap, conversions]],
    [SqlInfo.SQL_SUPPORTS_TABLE_CORRELATION_NAMES, flag(true)],
    [SqlInfo.SQL_SUPPORTS_DIFFERENT_TABLE_CORRELATION_NAMES, flag(false)],
    [SqlInfo.SQL_SUPPORTS_EXPRESSIONS_IN_ORDER_BY, flag(true)],
    [SqlInfo.SQL_SUPPORTS_ORDER_BY_UNRELATED, flag(true)],
    [SqlInfo.SQL_SUPPORTED_GROUP_BY, bits(3)],
    [SqlInfo.SQL_SUPPORTS_LIKE_ESCAPE_CLAUSE, flag(true)],
    [SqlInfo.SQL_SUPPORTS_NON_NULLABLE_COLUMNS, flag(true)],
    [SqlInfo.SQL_SUPPORTED_GRAMMAR, bits(7)],
    [SqlInfo.SQL_ANSI92_SUPPORTED_LEVEL, bits(1)],
    [SqlInfo.SQL_SUPPORTS_INTEGRITY_ENHANCEMENT_FACILITY, flag(false)],
    [SqlInfo.SQL_OUTER_JOINS_SUPPORT_LEVEL, bits(6)],
    [SqlInfo.SQL_SCHEMA_TERM, text('schema')],
    [SqlInfo.SQL_PROCEDURE_TERM, text('procedure')],
    [SqlInfo.SQL_CATALOG_TERM, text('catalog')],
    [SqlInfo.SQL_CATALOG_AT_START, flag(true)],
    [SqlInfo.SQL_SCHEMAS_SUPPORTED_ACTIONS, bits(IN_INDEX_DEFINITIONS)],
    [SqlInfo.SQL_CATALOGS_SUPPORTED_ACTIONS, bits(IN_INDEX_DEFINITIONS)],
    [SqlInfo.SQL_SUPPORTED_POSITIONED_COMMANDS, bits(0)],
    [SqlInfo.SQL_SELECT_FOR_UPDATE_SUPPORTED, flag(false)],
    [SqlInfo.SQL_STORED_PROCEDURES_SUPPORTED, flag(false)],
    [SqlInfo.SQL_SUPPORTED_SUBQUERIES, bits(15)],
    [SqlInfo.SQL_CORRELATED_SUBQUERIES_SUPPORTED, flag(true)],
    [SqlInfo.SQL_SUPPORTED_UNIONS, bits(3)],
    [SqlInfo.SQL_MAX_BINARY_LITERAL_LENGTH, unlimited],
    [SqlInfo.SQL_MAX_CHAR_LITERAL_LENGTH, unlimited],
    [SqlInfo.SQL_MAX_COLUMN_NAME_LENGTH, unlimited],
    [SqlInfo.SQL_MAX_COLUMNS_IN_GROUP_BY, unlimited],
    [SqlInfo.SQL_MAX_COLUMNS_IN_INDEX, unlimited],
    [SqlInfo.SQL_MAX_COLUMNS_IN_ORDER_BY, unlimited],
    [SqlInfo.SQL_MAX_COLUMNS_IN_SELECT, unlimited],
    [SqlInfo.SQL_MAX_COLUMNS_IN_TABLE, unlimited],
    [SqlInfo.SQL_MAX_CONNECTIONS, big(maxConnections)],
    [SqlInfo.SQL_MAX_CURSOR_NAME_LENGTH, unlimited],
    [SqlInfo.SQL_MAX_INDEX_LENGTH, unlimited],
    [SqlInfo.SQL_DB_SCHEMA_NAME_LENGTH, unlimited],
    [SqlInfo.SQL_MAX_PROCEDURE_NAME_LENGTH, unlimited],
    [SqlInfo.SQL_MAX_CATALOG_NAME_LENGTH, unlimited],
    [SqlInfo.SQL_MAX_ROW_SIZE, unlimited],
    [SqlInfo.SQL_MAX_ROW_SIZE_INCLUDES_BLOBS, flag(true)],
    [SqlInfo.SQL_MAX_STATEMENT_LENGTH, big(maxStatementBytes)],
    [SqlInfo.SQL_MAX_STATEMENTS, unlimited],
    [SqlInfo.SQL_MAX_TABLE_NAME_LENGTH, unlimited],
    [SqlInfo.SQL_MAX_TABLES_IN_SELECT, unlimited],
    [SqlInfo.SQL_MAX_USERNAME_LENGTH, unlimited],
    [SqlInfo.SQL_DEFAULT_TRANSACTION_ISOLATION, big(transactions ? REPEATABLE_READ : 0)],
    [SqlInfo.SQL_TRANSACTIONS_SUPPORTED, flag(transactions)],
    [SqlInfo.SQL_SUPPORTED_TRANSACTIONS_ISOLATION_LEVELS, bits(transactions ? 1 << REPEATABLE_READ : 1)],
    [SqlInfo.SQL_DATA_DEFINITION_CAUSES_TRANSACTION_COMMIT, flag(false)],
    [SqlInfo.SQL_DATA_DEFINITIONS_IN_TRANSACTIONS_IGNORED, flag(false)],
    [SqlInfo.SQL_SUPPORTED_RESULT_SET_TYPES, bits(3)],
    [SqlInfo.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_UNSPECIFIED, bits(0)],
    [SqlInfo.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_FORWARD_ONLY, bits(2)],
    [SqlInfo.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_SENSITIVE, bits(0)],
    [SqlInfo.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_INSENSITIVE, bits(0)],
    [SqlInfo.SQL_BATCH_UPDATES_SUPPORTED, flag(!readOnly)],
    [SqlInfo.SQL_SAVEPOINTS_SUPPORTED, flag(savepoints)],
    [SqlInfo.SQL_NAMED_PARAMETERS_SUPPORTED, flag(false)],
    [SqlInfo.SQL_LOCATORS_UPDATE_COPY, flag(false)],
    [SqlInfo.SQL_STORED_FUNCTIONS_USING_CALL_SYNTAX_SUPPORTED, flag(false)],
  ])
}
