import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { startCommand } from '../e2e/command.ts'
import { FlightStub } from '../e2e/flight-stub.ts'
import { startBigQueryFake } from '../fakes/bigquery/fake.ts'
import { tpchTables } from '../fakes/bigquery/tpch-tables.ts'
import { assembleImage } from './image-files.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** A Node.js of the system that is too old; undefined with a message if there is none. */
async function oldNode(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const { stdout = '' } = await run(join(folder, 'node'), ['--version']).catch(() => ({ stdout: '' }))
    if (/^v(1\d|20)\./.test(stdout)) return join(folder, 'node')
  }
  process.stderr.write('not tried: a Node.js that is too old, since this machine has none\n')
  return undefined
}

/** Older lines of Node.js that the package supports. Their binaries are packages of npm. */
const olderLines = [22, 24]

describe('the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-package-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('installs from its tarball into an empty folder and runs there', async () => {
    await run('npm', ['pack', '--pack-destination', folder], { cwd: root })
    const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'))!
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    await run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', join(folder, tarball)], {
      cwd: folder,
    })
    const installed = join(folder, 'node_modules', '.bin', 'flightgate')
    const flightgate = (...args: string[]) => run(installed, args, { cwd: folder })
    expect((await flightgate('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)

    // Node.js 22 does not support `using`: the compiler must replace it.
    const dist = join(folder, 'node_modules', 'flightgate', 'dist')
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'))
    const newer = files.filter((file) => /^\s*(await )?using \w+ =/m.test(readFileSync(join(dist, file), 'utf8')))
    expect([files.length > 100, newer]).toEqual([true, []])

    const old = await oldNode()
    if (old !== undefined) {
      const started = await promisify(execFile)(old, [installed]).catch((error) => error)
      expect([started.code, started.stderr]).toEqual([
        1,
        expect.stringMatching(/^flightgate needs Node\.js 22\.18 or newer/),
      ])
    }

    const config = join(folder, 'flightgate.yaml')
    writeFileSync(
      config,
      'listen: { flight: "127.0.0.1:0", http: "127.0.0.1:0" }\nsources: { demo: { kind: duckdb } }\n',
    )
    const server = await startCommand(installed, ['serve', '--config', config], folder)
    try {
      const { stdout } = await flightgate('query', '--endpoint', `grpc://${server.flight}`, 'SELECT 6 * 7 AS answer')
      expect(stdout).toBe('answer\r\n42\r\n')
      const page = await (await fetch(`http://${server.http}/console/`)).text()
      const [, script] = /src="([^"]+)"/.exec(page)!
      expect((await fetch(`http://${server.http}/console/${script}`)).status).toBe(200)
      const stub = new FlightStub(server.flight)
      const list = Buffer.from([0x3a, 0x01, 0x2a])
      const end = await stub.call('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', [list])
      expect(String(end.messages[0])).toContain('arrow.flight.protocol.FlightService')
      stub.close()
    } finally {
      expect(await server.stop()).toBe(0)
    }

    await servesBigQuery(installed)

    await startsAsImage()

    const platform = `node-${process.platform}-${process.arch}`
    const aliases = olderLines.map((line) => `node${line}@npm:${platform}@${line}`)
    const nodes = join(folder, 'nodes')
    mkdirSync(nodes)
    writeFileSync(join(nodes, 'package.json'), '{ "private": true }')
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...aliases], { cwd: nodes })
    for (const line of olderLines) {
      const node = join(nodes, 'node_modules', `node${line}`, 'bin', 'node')
      expect((await run(node, ['--version'])).stdout).toMatch(new RegExp(`^v${line}\\.`))
      const older = await startCommand(node, [installed, 'serve', '--config', config], folder)
      try {
        const query = [installed, 'query', '--endpoint', `grpc://${older.flight}`, 'SELECT 6 * 7 AS answer']
        expect((await run(node, query, { cwd: folder })).stdout).toBe('answer\r\n42\r\n')
      } finally {
        expect([line, await older.stop()]).toEqual([line, 0])
      }
    }
  }, 300_000)

  /** The image's files start as its user, who can write nothing but the folder for DuckDB's spill, and the health check passes. */
  async function startsAsImage(): Promise<void> {
    const { cwd, env, args, healthCheck, user } = assembleImage(join(folder, 'image'), folder)
    expect(user).toBe('node')
    const isRoot = process.getuid?.() === 0
    if (isRoot) chmodSync(folder, 0o755)
    const unprivileged = ['--reuid=1000', '--regid=1000', '--clear-groups', '--no-new-privs', '--bounding-set=-all']
    const command = isRoot ? ['setpriv', ...unprivileged, process.execPath] : [process.execPath]
    const variables = { PATH: process.env['PATH'], ...env, API_KEYS: 'image-key', FLIGHT_PORT: '0', PORT: '0' }
    const server = await startCommand(command[0]!, [...command.slice(1), ...args], cwd, variables)
    try {
      const query = ['query', '--endpoint', `grpc://${server.flight}`, '--', 'SELECT count(*) AS n FROM region']
      const key = { ...variables, FLIGHTGATE_API_KEY: 'image-key' }
      const { stdout } = await run(process.execPath, [args[0]!, ...query], { cwd, env: key })
      expect(stdout).toBe('n\r\n5\r\n')
      const checked = { ...variables, PORT: server.http.split(':').at(-1) }
      await run(process.execPath, [...healthCheck], { cwd, env: checked })
    } finally {
      expect(await server.stop()).toBe(0)
    }
  }

  /** The threads of the ledger and of advice are files of their own, which only these calls load. */
  async function servesBigQuery(installed: string): Promise<void> {
    const fake = await startBigQueryFake({ tables: tpchTables() })
    const config = join(folder, 'bigquery.yaml')
    const { endpoint, storageEndpoint } = fake
    const warehouse = { kind: 'bigquery', projectId: 'test-project', endpoint, storageEndpoint, anonymous: true }
    const settings = {
      listen: { flight: '127.0.0.1:0', http: '127.0.0.1:0' },
      state: { directory: join(folder, 'state') },
      budgets: { monthlyBudgetUsd: 10 },
      sources: { warehouse },
    }
    writeFileSync(config, JSON.stringify(settings))
    const server = await startCommand(installed, ['serve', '--config', config], folder)
    try {
      const call = async (path: string, body?: object) => {
        const headers = { 'content-type': 'application/json' }
        const request = body && { method: 'POST', headers, body: JSON.stringify(body) }
        return (await fetch(`http://${server.http}/api/v1/${path}`, request)).json()
      }
      const advice = expect.arrayContaining([expect.objectContaining({ rule: 'wrapped_partition_filter' })])
      const query = 'SELECT SUM(l_tax) AS tax FROM tpch.lineitem WHERE EXTRACT(YEAR FROM l_shipdate) = 1995'
      // Advice is left out that does not come in time, as while its thread starts.
      await expect.poll(() => call('estimate-cost', { query })).toMatchObject({ advice })
      fake.answer(query, {
        schema: [{ name: 'tax', type: 'FLOAT' }],
        rows: [{ f: [{ v: '1.5' }] }],
        processedBytes: 1e9,
      })
      expect(await call('query', { query })).toMatchObject({ rows: [{ tax: 1.5 }] })
      await expect.poll(() => call('costs')).toMatchObject({ statements: 1 })
    } finally {
      expect(await server.stop()).toBe(0)
      await fake.close()
    }
  }
})
