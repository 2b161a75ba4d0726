import { SqlInfo, SqlNullOrdering } from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { Capabilities, SqlInfoValue } from '../../../query/capabilities.ts'

const list = (words: string): readonly string[] => words.split(' ')

/**
 * Reserved words of GoogleSQL that SQL:2003 does not reserve, and those of its pipe syntax and scripts.
 * Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords.
 */
const keywords = list(
  'ASSERT_ROWS_MODIFIED CONTAINS DEFINE ENUM EXCLUDE FOLLOWING GROUPS HASH IF IGNORE LIMIT LOOKUP NULLS ORDER PRECEDING PROTO QUALIFY RESPECT STRUCT TABLESAMPLE TREAT UNBOUNDED',
)
/** Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions, by the names of ODBC. */
const numericFunctions = list(
  'ABS ACOS ASIN ATAN ATAN2 CEILING COS COT EXP FLOOR LOG LOG10 MOD POWER RAND ROUND SIGN SIN SQRT TAN',
)
/** Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions, by the names of ODBC. */
const stringFunctions = list('ASCII CONCAT LEFT LENGTH LTRIM REPEAT REPLACE RIGHT RTRIM SOUNDEX SUBSTRING')
const datetimeFunctions = list('CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP')

/**
 * Properties of GoogleSQL by SqlInfo code, where they differ from what the gateway reports otherwise.
 * Sources: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical (quotes),
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#order_by_clause (NULL is the smallest value),
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#like_operator (no ESCAPE),
 * https://cloud.google.com/bigquery/quotas (lengths and counts).
 */
const sql: ReadonlyMap<number, SqlInfoValue> = new Map<number, SqlInfoValue>([
  [SqlInfo.SQL_IDENTIFIER_QUOTE_CHAR, '`'],
  [SqlInfo.SQL_NULL_ORDERING, BigInt(SqlNullOrdering.SQL_NULLS_SORTED_LOW)],
  [SqlInfo.SQL_KEYWORDS, keywords],
  [SqlInfo.SQL_NUMERIC_FUNCTIONS, numericFunctions],
  [SqlInfo.SQL_STRING_FUNCTIONS, stringFunctions],
  [SqlInfo.SQL_SYSTEM_FUNCTIONS, ['IFNULL']],
  [SqlInfo.SQL_DATETIME_FUNCTIONS, datetimeFunctions],
  [SqlInfo.SQL_SUPPORTS_LIKE_ESCAPE_CLAUSE, false],
  [SqlInfo.SQL_SCHEMA_TERM, 'dataset'],
  [SqlInfo.SQL_CATALOG_TERM, 'project'],
  [SqlInfo.SQL_MAX_COLUMN_NAME_LENGTH, 300n],
  [SqlInfo.SQL_MAX_COLUMNS_IN_TABLE, 10_000n],
  [SqlInfo.SQL_DB_SCHEMA_NAME_LENGTH, 1024n],
  [SqlInfo.SQL_MAX_TABLE_NAME_LENGTH, 1024n],
  [SqlInfo.SQL_MAX_TABLES_IN_SELECT, 1000n],
])

/** What BigQuery can do behind the gateway: neither transactions nor bulk ingestion. */
export const bigQueryCapabilities: Capabilities = { transactions: false, savepoints: false, ingestion: false, sql }
