import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endWithTests } from '../e2e/end-with-tests.ts'
import { stop } from './servers.ts'

const program = fileURLToPath(new URL('../../.cache/bin/adbc_testserver', import.meta.url))

/** Whether ADBC's test server is built; prints a note if not, and fails in CI. */
export function hasAdbcTestServer(): boolean {
  if (existsSync(program)) return true
  if (process.env['CI'] === 'true') throw new Error('ADBC’s test server is missing: run npm test')
  process.stderr.write('skipped: ADBC’s test server is missing (npm test builds it where Go is)\n')
  return false
}

/** ADBC's test server in its own process: canned answers and failures, chosen by the statement's text. */
export interface AdbcTestServer {
  readonly port: number
  /** The server's certificate, if it was started with TLS. */
  readonly certificate: string
  /** The server's output by line, including the headers of calls as "Header: METHOD: NAME = VALUE". */
  readonly lines: readonly string[]
  stop(): Promise<void>
}

/** Starts the server. @param secure with TLS, and a login: the user `user` with `password`, or tokens that begin with `oauth-` */
export async function startAdbcTestServer(secure = false): Promise<AdbcTestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-adbc-'))
  const certificate = join(folder, 'certificate.pem')
  const login = secure ? ['-tls', '-cert-file', certificate, '-token-prefix', 'oauth-'] : []
  const child = spawn(program, ['-host', '127.0.0.1', '-port', '0', ...login], { stdio: ['ignore', 'pipe', 'pipe'] })
  endWithTests(child)
  const lines: string[] = []
  createInterface(child.stderr).on('line', (line) => lines.push(line))
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the test server ended: ${lines.join('\n')}`)))
    createInterface(child.stdout).on('line', (line) => {
      const [, found] = /Server on 127\.0\.0\.1:(\d+)/.exec(line) ?? []
      if (found) resolve(Number(found))
    })
  })
  return {
    port,
    certificate,
    lines,
    stop: async () => {
      await stop(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
