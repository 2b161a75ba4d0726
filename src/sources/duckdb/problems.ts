import { closeSync, existsSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { folderProblem } from '../../config/setting/folder-problem.ts'
import type { DuckDbSettings } from './settings.ts'

/** Names of DuckDB's own databases and schemas. */
const reservedNames = new Set(['memory', 'system', 'temp', 'main'])
/** The embedded DuckDB, and the newest storage version that it reads. */
const ENGINE = 'DuckDB 1.5'
const NEWEST_STORAGE_VERSION = 68n
const MAGIC = 'DUCK'
const MAGIC_OFFSET = 8
const VERSION_OFFSET = 12
const HEADER_BYTES = 20

/** Problems of a `duckdb` source that are known to make its opening fail, one line each. */
export function duckDbProblems(name: string, { path, sample, init, writes, tempDirectory }: DuckDbSettings): string[] {
  const at = `sources.${name}`
  const problems: string[] = []
  if (reservedNames.has(name.toLowerCase()))
    problems.push(`${at}: DuckDB has a database or schema called ${name.toLowerCase()} of its own: choose another name`)
  const spilling = tempDirectory === undefined ? undefined : folderProblem(tempDirectory, { isCreated: true })
  if (spilling !== undefined) problems.push(`${at}.tempDirectory: ${spilling}`)
  if (path === ':memory:') return problems
  const isChanged = changesFile({ sample, init, writes })
  if (!existsSync(path)) {
    if (!isChanged) problems.push(`${at}.path: there is no file ${path}; it is made with writes: true`)
    else if (!existsSync(dirname(path))) problems.push(`${at}.path: there is no folder ${dirname(path)} for the file`)
    return problems
  }
  const fileFault = fileProblem(path)
  if (fileFault !== undefined) problems.push(`${at}.path: ${fileFault}`)
  else if (isChanged && !isWritable(path)) {
    const why = writes ? 'writes' : sample !== undefined ? 'sample' : 'init'
    problems.push(`${at}.${why}: the file ${path} may not be written to`)
  }
  return problems
}

/**
 * Database files that several `duckdb` sources use although one of them changes the file, one line for each further source.
 * DuckDB's lock keeps out other processes, but not a second instance in the same process: each would overwrite the other's
 * commits.
 */
export function sharedFileProblems(sources: Readonly<Record<string, DuckDbSettings>>): string[] {
  const problems: string[] = []
  const first = new Map<string, { readonly name: string; readonly isChanged: boolean }>()
  for (const [name, source] of Object.entries(sources)) {
    if (source.path === ':memory:') continue
    const file = realPath(source.path)
    const isChanged = changesFile(source)
    const other = first.get(file)
    if (other === undefined) first.set(file, { name, isChanged })
    else if (isChanged || other.isChanged)
      problems.push(
        `sources.${name}.path: sources.${other.name} has the same file; several sources may share one only if none of them has writes, init or sample`,
      )
  }
  return problems
}

/** Whether a second instance may open beside the running one: a database in memory would be lost, and a changed file be damaged. */
export function isReplaceableFile(running: DuckDbSettings, next: DuckDbSettings): boolean {
  if (running.path === ':memory:') return false
  return realPath(running.path) !== realPath(next.path) || !(changesFile(running) || changesFile(next))
}

/** Whether opening the source, or its clients, may change its file. */
function changesFile({ sample, init, writes }: Pick<DuckDbSettings, 'sample' | 'init' | 'writes'>): boolean {
  return writes || init.length > 0 || sample !== undefined
}

/** The file behind a path, with links resolved. The file itself need not exist. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const folder = dirname(resolve(path))
    return existsSync(folder) ? join(realpathSync(folder), basename(path)) : resolve(path)
  }
}

/**
 * Why DuckDB cannot read a file as a database; undefined when it can.
 * Source: https://duckdb.org/docs/stable/internals/storage (the magic bytes and the storage version of the header).
 */
function fileProblem(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return `${path} is no file`
    const header = Buffer.alloc(HEADER_BYTES)
    const file = openSync(path, 'r')
    try {
      readSync(file, header, 0, HEADER_BYTES, 0)
    } finally {
      closeSync(file)
    }
    if (header.toString('latin1', MAGIC_OFFSET, MAGIC_OFFSET + MAGIC.length) !== MAGIC)
      return `the file ${path} is no DuckDB database`
    const version = header.readBigUInt64LE(VERSION_OFFSET)
    if (version > NEWEST_STORAGE_VERSION)
      return `the file ${path} is of a newer DuckDB (storage version ${version}); ${ENGINE} is embedded, which reads up to ${NEWEST_STORAGE_VERSION}`
  } catch (error) {
    return `the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`
  }
  return undefined
}

/** Whether the file can be opened for writing. The check changes nothing in it. */
function isWritable(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'))
    return true
  } catch {
    return false
  }
}
