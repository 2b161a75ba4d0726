const jdbc = (version: string) => `the JDBC driver ${version} connects, reads, changes data and requests all metadata`
const jdbcBinds = (version: string) =>
  `parameters of the JDBC driver ${version} binds a value and a NULL of each type, and finds the value again`
const adbc = (test: string) => `ADBC from Python, beyond queries ${test}`
const ingest = 'bulk ingestion by ADBC'
const go = (test: string) => `ADBC's own validation suite, in Go ${test} passes`
const real = (step: string) => `real clients ${step} answers`
const same = (what: string, client: string) => `results equal DuckDB’s own Arrow table ${what}, read by ${client}`
const lineitem = 'lineitem at scale 1'
const plainTypes = 'types without a plain Arrow form as numbers and texts, at any depth'
const types = 'every type of test_all_types(), alone and over many batches'

/** The columns of the table in docs/clients.md. */
export const clients = [
  'pyarrow',
  'ADBC (Python)',
  'ADBC (Go)',
  'JDBC 18.3.0',
  'JDBC 17.0.0',
  'pandas, polars',
] as const

/** For each feature, the full names of the tests that prove it with each client. */
export const matrix: Readonly<Record<string, Partial<Record<(typeof clients)[number], readonly string[]>>>> = {
  'login by user and password': {
    pyarrow: [real('pyarrow_basic_token'), real('pyarrow_auth_handler')],
    'ADBC (Python)': [real('adbc_user_and_password')],
    'ADBC (Go)': [go('TestConnection/TestNewConn')],
    'JDBC 18.3.0': [jdbc('18.3.0')],
    'JDBC 17.0.0': [jdbc('17.0.0')],
  },
  'login by API key or token in a header': {
    pyarrow: [real('pyarrow_headers')],
    'ADBC (Python)': [real('adbc_bearer'), real('adbc_header')],
  },
  'queries, also without rows': {
    pyarrow: [same('no rows, nested values, long texts, partly filled chunks', 'pyarrow')],
    'ADBC (Python)': ['ADBC from Python prepares, binds, reads and changes data'],
    'ADBC (Go)': [go('TestStatement/TestSQLPrepareSelectNoParams')],
    'JDBC 18.3.0': [jdbc('18.3.0')],
    'JDBC 17.0.0': [jdbc('17.0.0')],
    'pandas, polars': [real('data_frames')],
  },
  'six million rows, equal to DuckDB’s own': {
    pyarrow: [same(lineitem, 'pyarrow')],
    'ADBC (Python)': [same(lineitem, 'adbc')],
  },
  'every type, equal to DuckDB’s own': {
    pyarrow: [same(types, 'pyarrow')],
    'ADBC (Python)': [same(types, 'adbc')],
  },
  'sums, UUIDs and other types of DuckDB’s own as numbers and texts': {
    pyarrow: [same(plainTypes, 'pyarrow+plain')],
    'ADBC (Python)': [same(plainTypes, 'adbc+plain')],
    'JDBC 18.3.0': [jdbc('18.3.0')],
    'JDBC 17.0.0': [jdbc('17.0.0')],
    'pandas, polars': [real('sums')],
  },
  'prepared statements with parameters': {
    'ADBC (Python)': ['ADBC from Python prepares, binds, reads and changes data'],
    'ADBC (Go)': [go('TestStatement/TestSQLPrepareSelectParams')],
    'JDBC 18.3.0': [jdbc('18.3.0')],
    'JDBC 17.0.0': [jdbc('17.0.0')],
  },
  'parameters of every type, and NULLs': {
    'JDBC 18.3.0': [jdbcBinds('18.3.0')],
    'JDBC 17.0.0': [jdbcBinds('17.0.0')],
  },
  'updates, and many rows of parameters': {
    'ADBC (Python)': ['ADBC from Python prepares, binds, reads and changes data', real('adbc_writes_once')],
    'JDBC 18.3.0': [jdbc('18.3.0')],
    'JDBC 17.0.0': [jdbc('17.0.0')],
  },
  'bulk ingestion: create, append, replace, create-append': {
    'ADBC (Python)': [
      `${ingest} keeps every value of every type`,
      `${ingest} creates, appends, replaces`,
      `${ingest} is atomic: a failed ingestion stores no row`,
    ],
    'ADBC (Go)': [go('TestStatement/TestSqlIngestInts'), go('TestStatement/TestSqlIngestReplace')],
    'pandas, polars': [adbc('ingests and fetches data frames')],
  },
  transactions: {
    'ADBC (Python)': [adbc('commits, rolls back, and rolls back open transactions on close')],
    'ADBC (Go)': [go('TestConnection/TestAutocommitToggle')],
  },
  'catalogs, schemas, tables, columns': {
    'ADBC (Python)': ['ADBC from Python lists metadata at every depth, of all or filtered sources'],
    'ADBC (Go)': [go('TestConnection/TestMetadataGetObjectsColumns')],
    'JDBC 18.3.0': [jdbc('18.3.0')],
    'JDBC 17.0.0': [jdbc('17.0.0')],
  },
  'primary and foreign keys, server facts': { 'JDBC 18.3.0': [jdbc('18.3.0')], 'JDBC 17.0.0': [jdbc('17.0.0')] },
  'catalog and schema of the connection': {
    'ADBC (Python)': [adbc('chooses the schema of the connection')],
    'ADBC (Go)': [go('TestConnection/TestMetadataCurrentCatalog'), go('TestConnection/TestMetadataCurrentDbSchema')],
    'JDBC 18.3.0': [jdbc('18.3.0')],
    'JDBC 17.0.0': [jdbc('17.0.0')],
  },
  'cancelling, and going on with the same connection': {
    pyarrow: [real('pyarrow_cancel')],
    'ADBC (Python)': [adbc('cancels a query, then reuses the connection')],
  },
  'incremental execution (PollFlightInfo), partitions': {
    'ADBC (Python)': [adbc('executes incrementally, and reads partitions')],
  },
  'errors with code, position and details': {
    'ADBC (Python)': [adbc('shows code, position and details of an error')],
  },
}
