import { SettingError } from '../../kind.ts'
import { connect, disconnect, openDatabase } from '../native/database.ts'
import { type Address, readWord } from '../native/library.ts'
import { PreparedStatement } from '../native/prepared-statement.ts'
import { chunkVector, destroyChunk, vectorData } from '../native/streaming-result.ts'
import type { DuckDbConfig } from '../settings.ts'
import { tpchSample } from './tpch-sample.ts'

/** The schema in which DuckDB looks up names without a schema. */
export const DEFAULT_SCHEMA = 'main'

/** Quotes an identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a string literal. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** The setup statement of a new connection: names without a catalog then refer to the source's own. */
export function connectionSetup(source: string): string {
  return `USE ${quoteIdentifier(source)}`
}

/** Opens an empty engine; `runStartStatements` attaches the source's database. @throws DuckDbError */
export function openEngine(config: DuckDbConfig): Address {
  const settings: Record<string, string> = {}
  if (config.threads !== undefined) settings['threads'] = String(config.threads)
  if (config.memoryLimitBytes !== undefined) settings['memory_limit'] = `${config.memoryLimitBytes}B`
  if (config.tempDirectory !== undefined) settings['temp_directory'] = config.tempDirectory
  if (config.maxTempBytes !== undefined) settings['max_temp_directory_size'] = `${config.maxTempBytes}B`
  return openDatabase(':memory:', settings)
}

/**
 * Runs the statements of the start in order: attach the database under the source's name, create sample data, run the
 * operator's statements, and close the sandbox. After `lockStatement` nothing can open the sandbox again.
 * Source: https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview.
 * @param execute runs statements, all on the same connection
 * @throws SettingError about the operator's statement that fails
 */
export async function runStartStatements(
  source: string,
  config: DuckDbConfig,
  execute: (statements: readonly string[]) => Promise<void>,
): Promise<void> {
  const readOnly = config.path !== ':memory:' && !config.writes && config.init.length === 0 && !config.sample
  await execute([
    `ATTACH ${quoteLiteral(config.path)} AS ${quoteIdentifier(source)}${readOnly ? ' (READ_ONLY)' : ''}`,
    connectionSetup(source),
    ...(config.sample ? tpchSample(config.sample.tpch) : []),
    // A PIVOT without a value list finds its values while it is planned: DuckDB's own limit of 100,000 takes gigabytes.
    'SET GLOBAL pivot_limit = 10000',
  ])
  for (const [i, sql] of config.init.entries())
    await execute([sql]).catch((error: Error) => {
      throw new SettingError(`init[${i}]`, error)
    })
  await execute([
    // Each call chooses its types, and the gateway can derive both choices only from the lossless ones.
    'SET arrow_lossless_conversion = true',
    'SET autoinstall_known_extensions = false',
    'SET autoload_known_extensions = false',
    'SET allow_community_extensions = false',
    'SET enable_external_access = false',
  ])
}

/** Makes DuckDB end its own threads; from then on the gateway provides all of them, see `TaskThreads`. */
export const threadsSetup = "SET external_threads = current_setting('threads')"

/** Threads that may work on one statement, from the configuration or a start-up statement. @throws DuckDbError */
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

/** Locks DuckDB's settings; the last statement at start. */
export const lockStatement = 'SET lock_configuration = true'

/** Makes a connection report progress. Must run before the lock. */
export const progressSetup =
  'SET enable_progress_bar = true; SET enable_progress_bar_print = false; SET progress_bar_time = 0'
