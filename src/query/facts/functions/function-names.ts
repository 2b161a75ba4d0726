import type { SqlDialect } from '../dialect.ts'
import type { CacheObstacle } from '../statement-facts.ts'
import { bigqueryFunctions } from './bigquery-functions.ts'
import { dremioFunctions, standardFunctions } from './dremio-functions.ts'
import { duckdbFunctions } from './duckdb-functions.ts'

const list = (...texts: string[]): ReadonlySet<string> => new Set(texts.join(' ').toUpperCase().split(/\s+/))

/** Functions that return another value at each call, or change something; also those of which only some calls do. */
const volatile = list(`
  random rand rand_cauchy randn random_uuid gen_random_uuid generate_uuid uuid uuidv4 uuidv7 newid newsequentialid sys_guid setseed
  now today ago age getdate getutcdate sysdate sysdatetime systimestamp current_date current_time current_timestamp current_datetime
  current_date_utc current_time_utc current_timestamp_utc curdate curtime localtime localtimestamp current_localtime
  current_localtimestamp get_current_time get_current_timestamp transaction_timestamp statement_timestamp clock_timestamp timeofday
  unix_timestamp unixepoch utc_timestamp utc_date utc_time unix_millis_now
  nextval currval setval lastval last_insert_id txid_current txid_current_snapshot pg_current_xact_id current_transaction_id
  current_query current_query_id sleep sleep_ms pg_sleep error stats reservoir_quantile write_log session_query_id`)
/** Functions whose value depends on the session, or on who calls. */
const session = list(`
  user query_user current_user session_user system_user current_role current_catalog current_schema current_schemas current_database
  database schema current_setting set_config getvariable getenv in_search_path is_member has_role current_connection_id connection_id
  pg_backend_pid current_path is_account_group_member is_user has_table_privilege has_schema_privilege session_id`)
/** Functions that read files, other engines or services. */
const external =
  /^(READ_\w+|SCAN_\w+|\w+_SCAN|PARQUET_\w+|SNIFF_CSV|GLOB|EXTERNAL_QUERY|HTTP\w*|URL_GET|LOAD_FILE|LOAD_EXTENSION|ST_READ\w*|(ML|AI)\.\w+|ST_REGIONSTATS|OPENROWSET|OPENQUERY|DBLINK\w*|\w+_(QUERY|ATTACH))$/

/** Built into the syntax: types, operators and clauses that are written like calls. None of them is volatile. */
const syntax = list(`
  cast try_cast safe_cast convert coalesce nullif ifnull if iif extract exists grouping grouping_id row struct array map unnest
  position overlay substring trim columns try interval collate
  varchar char character nchar nvarchar varbinary binary text string bit varbit decimal numeric dec number bignumeric bigdecimal
  float float4 float8 real double int integer bigint smallint tinyint hugeint bytes json enum union list`)
/** Return the current time without arguments in some engines. */
const needsArguments = list('date time datetime timestamp year month day')

/** DuckDB's parser makes other functions of them, with WITHIN GROUP. */
const duckdbSyntax = list('percentile_cont percentile_disc')

const known: Readonly<Record<SqlDialect, ReadonlySet<string>>> = {
  duckdb: new Set([...list(duckdbFunctions), ...duckdbSyntax, ...syntax]),
  bigquery: new Set([...list(bigqueryFunctions), ...syntax]),
  dremio: new Set([...list(standardFunctions, dremioFunctions), ...syntax]),
  standard: new Set([...list(standardFunctions), ...syntax]),
}
const tableFunctions: Readonly<Record<SqlDialect, ReadonlySet<string>>> = {
  duckdb: list('unnest range generate_series repeat repeat_row json_each json_tree'),
  bigquery: list('unnest'),
  dremio: list('unnest'),
  standard: list('unnest'),
}

/** A call of a function in a statement. */
export interface FunctionCall {
  /** Its name as written, in upper case, with points. */
  readonly name: string
  readonly isInFrom: boolean
  readonly hasArguments: boolean
}

/** What a call of a function means for the cache: undefined if the same arguments give the same rows. */
export function obstacleOfCall(
  { name, isInFrom, hasArguments }: FunctionCall,
  dialect: SqlDialect,
): CacheObstacle | undefined {
  const plain = dialect === 'bigquery' && name.startsWith('SAFE.') ? name.slice(5) : name
  const last = plain.slice(plain.lastIndexOf('.') + 1)
  if (volatile.has(last)) return 'volatile-function'
  if (session.has(last)) return 'session-state'
  if (!hasArguments && needsArguments.has(plain)) return 'volatile-function'
  if ((isInFrom ? tableFunctions : known)[dialect].has(plain)) return undefined
  if (external.test(plain) || external.test(last)) return 'external-data'
  return /^(DUCKDB|PRAGMA|PG|SQLITE)_/.test(last) ? 'system-table' : 'unknown-function'
}

/** Volatile without parentheses. */
const volatileWords = list(`
  current_date current_time current_timestamp current_datetime localtime localtimestamp sysdate systimestamp utc_timestamp utc_date
  utc_time current_date_utc current_time_utc current_timestamp_utc rownum`)
const sessionWords = list(`
  current_user session_user system_user current_role current_catalog current_schema current_database query_user current_path
  current_timezone session_timezone sessiontimezone`)

/** What an unquoted name that stands alone means for the cache. @param word in upper case */
export function obstacleOfWord(word: string, dialect: SqlDialect): CacheObstacle | undefined {
  if (volatileWords.has(word)) return 'volatile-function'
  return sessionWords.has(word) || (word === 'USER' && dialect !== 'bigquery') ? 'session-state' : undefined
}

/** What the name of a table means for the cache. @param parts in lower case */
export function obstacleOfTable(parts: readonly string[], dialect: SqlDialect): CacheObstacle | undefined {
  for (const [index, part] of parts.entries()) {
    if (systemSchemas.has(part) || /^__(tables|partitions|dataset)\w*__$/.test(part)) return 'system-table'
    if (index < parts.length - 1 && temporarySchemas.has(part)) return 'temporary-table'
  }
  const [only] = parts
  // They are in the schema main, which comes first or may be named.
  if (dialect === 'duckdb' && /^(duckdb|pragma|sqlite)_\w/.test(parts.at(-1) ?? '')) return 'system-table'
  if (parts.length > 1 || only === undefined) return undefined
  if (/^(duckdb|pragma|sqlite|pg)_\w/.test(only)) return 'system-table'
  // DuckDB reads files by such names.
  return dialect === 'duckdb' && /[./:*]/.test(only) ? 'external-data' : undefined
}

const systemSchemas: ReadonlySet<string> = new Set([
  'information_schema',
  'pg_catalog',
  'sys',
  'system',
  'performance_schema',
  'sqlite_master',
  'sqlite_schema',
])
const temporarySchemas: ReadonlySet<string> = new Set(['temp', 'pg_temp', '_session', 'tempdb', 'sqlite_temp_master'])
