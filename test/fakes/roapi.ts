import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { endWithTests } from '../e2e/end-with-tests.ts'
import { freePort, reachable, stop } from './servers.ts'

const program = fileURLToPath(new URL('../../.cache/python/bin/roapi', import.meta.url))

/** Whether ROAPI is installed; prints a note if not, and fails in CI. */
export function hasRoapi(): boolean {
  if (existsSync(program)) return true
  if (process.env['CI'] === 'true') throw new Error('ROAPI is missing: run npm test')
  process.stderr.write('skipped: ROAPI is missing (npm test installs it where Python is)\n')
  return false
}

/** ROAPI in its own process: DataFusion behind Flight SQL, with tickets that are valid once. */
export interface Roapi {
  readonly uri: string
  /** Statements executed so far. */
  executed(): readonly string[]
  /** Handles of the results fetched so far. */
  redeemed(): readonly string[]
  stop(): Promise<void>
}

/** The login that the server requires. */
export const roapiLogin = { username: 'reader', password: 'roapi-secret' }

/** Starts ROAPI with tables from CSV texts. */
export async function startRoapi(tables: Readonly<Record<string, string>>): Promise<Roapi> {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-roapi-'))
  const sources = Object.entries(tables).map(([name, csv]) => {
    const uri = join(folder, `${name}.csv`)
    writeFileSync(uri, csv)
    return { name, uri }
  })
  const port = await freePort()
  const file = join(folder, 'roapi.yaml')
  const config = {
    addr: {
      http: `127.0.0.1:${await freePort()}`,
      postgres: `127.0.0.1:${await freePort()}`,
      flight_sql: `127.0.0.1:${port}`,
    },
    tables: sources,
    flight_sql_config: { auth_basic: roapiLogin },
  }
  writeFileSync(file, stringify(config))
  const child = spawn(program, ['-c', file], {
    env: { ...process.env, RUST_LOG: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  endWithTests(child)
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', (line) => lines.push(line))
  await reachable(port)
  const logged = (pattern: RegExp) => lines.flatMap((line) => pattern.exec(line)?.slice(1) ?? [])
  return {
    uri: `grpc://127.0.0.1:${port}`,
    executed: () => logged(/get_flight_info_statement, executing query: `(.*)`/),
    redeemed: () => logged(/getting results for (\S+)/),
    stop: async () => {
      await stop(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
