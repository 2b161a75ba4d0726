import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runFlightgate } from '../cli/run-flightgate.ts'
import { GatewayProcess } from './gateway-process.ts'
import { postJson } from './http-client.ts'
import { hasPython, runPython, spawnPython } from './python.ts'

const VALUES = 300_000

/** The files that text_matrix.py compares, with the options of the request for each. */
const variants = {
  'objects.ndjson': { format: 'ndjson' },
  'arrays.ndjson': { format: 'ndjson', row_format: 'arrays' },
  'text.ndjson': { format: 'ndjson', numbers: 'text' },
  json: { format: 'json' },
  csv: { format: 'csv' },
}

describe.runIf(hasPython())('text of every Arrow type, from a server through the gateway', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-text-'))
  let gateway: GatewayProcess
  let names: string[]

  beforeAll(async () => {
    await runPython('text_matrix.py', 'write', folder)
    names = readdirSync(folder).map((file) => file.replace('.arrows', ''))
    const server = spawnPython('text_matrix.py', ['serve', folder])
    const [line] = (await once(server.stdout!, 'data')) as [Buffer]
    gateway = await GatewayProcess.start({
      sources: { plain: { kind: 'flightsql', uri: `grpc://127.0.0.1:${Number(line)}` } },
    })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })

  it('POST /api/v1/stream: Python, DuckDB and pyarrow read the same values in each format', async () => {
    for (const name of names)
      for (const [suffix, options] of Object.entries(variants)) {
        const answer = await postJson(gateway, '/api/v1/stream', {
          query: `SELECT ${name}`,
          data_source: 'plain',
          ...options,
        })
        expect([name, suffix, answer.status]).toEqual([name, suffix, 200])
        writeFileSync(join(folder, `${name}.${suffix}`), Buffer.from(await answer.arrayBuffer()))
      }
    expect(await runPython<number>('text_matrix.py', 'verify', folder)).toBeGreaterThan(VALUES)
    expect(await runPython<number>('text_matrix.py', 'typed', folder)).toBe(5)
  }, 120_000)

  it('flightgate query writes the same bytes', async () => {
    for (const [suffix, format] of [
      ['objects.ndjson', 'ndjson'],
      ['csv', 'csv'],
    ] as const) {
      const args = ['query', '-q', '-e', gateway.uri, '--source', 'plain', '--format', format, 'SELECT all']
      const { stdout } = await runFlightgate(args, { cwd: process.cwd() })
      const answer = await postJson(gateway, '/api/v1/stream', {
        query: 'SELECT all',
        data_source: 'plain',
        ...variants[suffix],
      })
      expect(stdout === (await answer.text())).toBe(true)
    }
  }, 60_000)
})
