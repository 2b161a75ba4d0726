import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { endWithTests } from '../e2e/end-with-tests.ts'
import { stop } from './servers.ts'

const bin = fileURLToPath(new URL('../../.cache/bin', import.meta.url))
const server = `${bin}/arrow-flight-integration-server`
const client = `${bin}/arrow-flight-integration-client`

/** Whether arrow-go's pair of integration programs is installed; prints a note if not, and fails in CI. */
export function hasScenarioPrograms(): boolean {
  if (existsSync(server) && existsSync(client)) return true
  if (process.env['CI'] === 'true') throw new Error('Arrow’s integration programs are missing: run npm test')
  process.stderr.write('skipped: Arrow’s integration programs are missing (npm test installs them where Go is)\n')
  return false
}

/** arrow-go's server for one integration scenario, in its own process; it always binds all addresses. */
export async function startScenarioServer(scenario: string): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const child = spawn(server, ['-port', '0', '-scenario', scenario], { stdio: ['ignore', 'pipe', 'ignore'] })
  endWithTests(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(/listening on localhost:(\d+)/.exec(line.toString())?.[1])
  return { port, stop: () => stop(child) }
}

/** The outcome of a scenario's client. */
export interface ScenarioOutcome {
  readonly passes: boolean
  /** The client's output. */
  readonly output: string
}

/**
 * Runs arrow-go's client for one integration scenario; it tries three times before it fails.
 * @param path the JSON file of the scenario without a name
 */
export async function runScenarioClient(scenario: string, address: string, path: string): Promise<ScenarioOutcome> {
  const { hostname: host, port } = new URL(`grpc://${address}`)
  const args = ['-host', host, '-port', port, '-scenario', scenario, '-path', path]
  return await new Promise((resolve) => {
    const child = execFile(client, args, (error, out, err) => resolve({ passes: error === null, output: out + err }))
    endWithTests(child)
  })
}
