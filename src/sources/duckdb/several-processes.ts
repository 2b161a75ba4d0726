import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDbSettings } from './settings.ts'

/** DuckDB's own default. */
const TEMP_DIRECTORY = '.tmp'

/**
 * Why several processes cannot open a database at the same time. DuckDB locks a file that it opens for writing, and what one
 * process writes to a database in memory does not exist in the others.
 */
export function severalProcessesProblem(
  name: string,
  { path, sample, init, writes }: DuckDbSettings,
): string | undefined {
  const at = `sources.${name}`
  const instead = 'set workers: 1, or put the data behind a Flight SQL server'
  if (path === ':memory:')
    return writes
      ? `${at}.writes: each worker has its own database in memory, so what one writes, others do not see: ${instead}`
      : undefined
  const why = writes ? 'writes' : sample !== undefined ? 'sample' : init.length > 0 ? 'init' : undefined
  if (why === undefined) return undefined
  return `${at}.${why}: opens the file ${path} for writing, which only one process can: open it without writes, init and sample, ${instead}`
}

/** A folder for the spilled data of one worker: DuckDB's file names are the same in each process. Its parent is created. */
export function tempDirectoryOf({ tempDirectory = TEMP_DIRECTORY }: DuckDbSettings, worker: number): string {
  mkdirSync(tempDirectory, { recursive: true })
  return join(tempDirectory, `worker-${worker}`)
}
