/** How an engine reads SQL. `standard` stands for every engine of which the gateway knows no more. */
export type SqlDialect = 'duckdb' | 'bigquery' | 'dremio' | 'standard'
