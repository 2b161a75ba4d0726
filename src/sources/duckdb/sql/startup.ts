import { connect, disconnect, openDatabase } from '../native/database.ts'
import { type Address, readWord } from '../native/library.ts'
import { PreparedStatement } from '../native/prepared-statement.ts'
import { chunkVector, destroyChunk, vectorData } from '../native/streaming-result.ts'
import type { DuckDbConfig } from '../settings.ts'
import { tpchSample } from './tpch-sample.ts'

/** Where names without a schema are looked up. */
export const DEFAULT_SCHEMA = 'main'

/** Quotes an identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a string literal. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** What a new connection runs: names without a catalog mean the source's own. */
export function connectionSetup(source: string): string {
  return `USE ${quoteIdentifier(source)}`
}

/** Opens the database engine, empty; what belongs to the source comes with `startStatements`. @throws DuckDbError */
export function openEngine(config: DuckDbConfig): Address {
  const settings: Record<string, string> = {}
  if (config.threads !== undefined) settings['threads'] = String(config.threads)
  if (config.memoryLimitBytes !== undefined) settings['memory_limit'] = `${config.memoryLimitBytes}B`
  if (config.tempDirectory !== undefined) settings['temp_directory'] = config.tempDirectory
  if (config.maxTempBytes !== undefined) settings['max_temp_directory_size'] = `${config.maxTempBytes}B`
  return openDatabase(':memory:', settings)
}

/**
 * What runs once at start, in order: the database under the source's name, sample data, the operator's own statements,
 * and last the sandbox, which nothing opens again after `lockStatement`.
 * Source: https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview.
 */
export function startStatements(source: string, config: DuckDbConfig): string[] {
  const readOnly = config.path !== ':memory:' && !config.writes && config.init.length === 0 && !config.sample
  return [
    `ATTACH ${quoteLiteral(config.path)} AS ${quoteIdentifier(source)}${readOnly ? ' (READ_ONLY)' : ''}`,
    connectionSetup(source),
    ...(config.sample ? tpchSample(config.sample.tpch) : []),
    ...config.init,
    // Each call chooses what clients get; only out of the lossless types either can be made.
    'SET arrow_lossless_conversion = true',
    'SET autoinstall_known_extensions = false',
    'SET autoload_known_extensions = false',
    'SET allow_community_extensions = false',
    'SET enable_external_access = false',
  ]
}

/** Has DuckDB end its own threads: from now on all of them are the gateway's, see `TaskThreads`. */
export const threadsSetup = "SET external_threads = current_setting('threads')"

/** How many threads may work on one statement, as configured or set by a statement at start. @throws DuckDbError */
export function threadsOf(engine: Address): number {
  const connection = connect(engine)
  const statement = new PreparedStatement(connection, "SELECT current_setting('threads')::BIGINT")
  const result = statement.execute()
  const chunk = result.fetch()
  try {
    return readWord(vectorData(chunkVector(chunk, 0)))
  } finally {
    destroyChunk(chunk)
    result.close()
    statement.close()
    disconnect(connection)
  }
}

/** The last word on settings. */
export const lockStatement = 'SET lock_configuration = true'

/** Has a connection tell how far its statement is; possible before the lock only. */
export const progressSetup =
  'SET enable_progress_bar = true; SET enable_progress_bar_print = false; SET progress_bar_time = 0'
