import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endWithTests } from '../e2e/end-with-tests.ts'
import { freePort, stop } from './servers.ts'

const folder = fileURLToPath(new URL('../../.cache/local-bigquery', import.meta.url))
const program = join(folder, 'bin', 'local-bigquery')

/** An emulator of BigQuery by others, over DuckDB: REST and BigQueryRead. */
export interface LocalBigQuery {
  readonly endpoint: string
  readonly storageEndpoint: string
  stop(): Promise<void>
}

/**
 * Starts the emulator with the project `test-project` and its dataset `shop`, in a folder of its own.
 * `npm test` installs it only where the environment has FLIGHTGATE_LOCAL_BIGQUERY.
 */
export async function startLocalBigQuery(): Promise<LocalBigQuery> {
  const data = mkdtempSync(join(tmpdir(), 'flightgate-local-bigquery-'))
  // The emulator does not tell the port of gRPC, so it cannot choose it.
  const grpcPort = await freePort()
  const names = ['--project', 'test-project', '--dataset', 'shop', '--data-dir', data]
  const child = spawn(
    program,
    ['serve', '--host', '127.0.0.1', '--port', '0', '--grpc-port', String(grpcPort), ...names],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      // DuckDB finds its extensions below the home folder.
      env: { ...process.env, HOME: join(folder, 'home') },
    },
  )
  endWithTests(child)
  const lines: string[] = []
  const endpoint = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`local-bigquery ended: ${lines.join('\n')}`)))
    createInterface(child.stderr).on('line', (line) => {
      lines.push(line)
      const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? []
      if (found) resolve(found)
    })
  })
  return {
    endpoint,
    storageEndpoint: `127.0.0.1:${grpcPort}`,
    async stop() {
      await stop(child)
      rmSync(data, { recursive: true, force: true })
    },
  }
}
