// GetTables with the schemas of 10,000 tables of 50 columns, read by pyarrow, compared with the query over duckdb_columns() that it
// is based on, run by Python's DuckDB in the reader's own process. Rounds are interleaved; medians and ratios are reported.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { columnsSql } from '../src/sources/duckdb/table-schemas.ts'
import { median, python, root, startGateway, writeResults } from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 5)
const TABLES = Number(process.env['TABLES'] ?? 10_000)
const COLUMNS = 50
const MAX_RUN_MS = 300_000

interface Read {
  readonly tables: number
  readonly seconds: number
  readonly cpuSeconds: number
}

const run = (script: string, ...args: string[]): string =>
  execFileSync(python, [join(root, script), ...args], { encoding: 'utf8', timeout: MAX_RUN_MS })
const read = (...args: string[]): Read =>
  JSON.parse(
    run('bench/python/catalog.py', ...args)
      .trim()
      .split('\n')
      .at(-1)!,
  )

const folder = mkdtempSync(join(tmpdir(), 'flightgate-bench-'))
const file = join(folder, 'wide.duckdb')
run('test/python/wide_catalog_file.py', file, String(TABLES), String(COLUMNS))
const gateway = await startGateway({ sources: { wide: { kind: 'duckdb', path: file } } })
const address = `grpc://${gateway.address}`
const samples: Record<'gateway' | 'duckdb_columns()', { seconds: number[]; cpuSeconds: number[] }> = {
  gateway: { seconds: [], cpuSeconds: [] },
  'duckdb_columns()': { seconds: [], cpuSeconds: [] },
}
read('flight', address)
const idleBytes = gateway.peakRssBytes()
for (let round = 0; round < ROUNDS; round++) {
  const query = read('duckdb', file, columnsSql("'wide'", ''))
  samples['duckdb_columns()'].seconds.push(query.seconds)
  samples['duckdb_columns()'].cpuSeconds.push(query.cpuSeconds)
  const before = gateway.cpuSeconds()
  const { tables, seconds } = read('flight', address)
  if (tables !== TABLES) throw new Error(`${tables} tables of ${TABLES} have come`)
  samples.gateway.seconds.push(seconds)
  samples.gateway.cpuSeconds.push(gateway.cpuSeconds() - before)
}
const medians = Object.fromEntries(
  Object.entries(samples).map(([way, { seconds, cpuSeconds }]) => [
    way,
    { seconds: Number(median(seconds).toFixed(2)), cpuSeconds: Number(median(cpuSeconds).toFixed(2)) },
  ]),
)
const ratio = (of: 'seconds' | 'cpuSeconds') =>
  Number((median(samples.gateway[of]) / median(samples['duckdb_columns()'][of])).toFixed(2))
const ratios = {
  'gateway to duckdb_columns(), seconds': ratio('seconds'),
  'gateway to duckdb_columns(), CPU': ratio('cpuSeconds'),
}
const grown = Math.round((gateway.peakRssBytes() - idleBytes) / 1e6)
console.log(
  `\n${TABLES} tables of ${COLUMNS} columns, medians of ${ROUNDS}; peak RSS grew by ${grown} MB after the first`,
)
console.table(medians)
console.table(ratios)
await gateway.stop()
rmSync(folder, { recursive: true })
writeResults('metadata', { [`${TABLES} tables of ${COLUMNS} columns`]: { rounds: ROUNDS, medians, ratios } })
