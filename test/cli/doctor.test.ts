import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { hasPython } from '../e2e/python.ts'
import { DremioLookalike } from '../fakes/servers.ts'
import { runFlightgate } from './run-flightgate.ts'

describe.runIf(hasPython())('flightgate doctor', () => {
  let dremio: DremioLookalike
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-doctor-'))
  beforeAll(async () => {
    dremio = await DremioLookalike.start('--scale', '0.001')
  })
  afterAll(async () => {
    await dremio.stop()
    rmSync(folder, { recursive: true })
  })

  const doctor = async (source: object) => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, stringify({ sources: { here: source } }))
    return await runFlightgate(['doctor', '--config', file], { cwd: folder })
  }

  it('healthy source: every check is ok, exit code 0', async () => {
    const { code, stdout } = await doctor({
      kind: 'dremio',
      uri: dremio.uri,
      username: 'dremio',
      password: 'dremio123',
      session: { routingQueue: 'small' },
    })
    expect(stdout).toMatch(
      /ok {3}DNS[\s\S]*ok {3}TCP[\s\S]*ok {3}login[\s\S]*ok {3}session +kept by the cookie SESSION_ID; routing_queue=small[\s\S]*ok {3}SELECT 1[\s\S]*ok {3}metadata +2 schemas, 9 tables/,
    )
    expect([code, stdout.includes('dremio123')]).toEqual([0, false])
    expect((await doctor({ kind: 'duckdb' })).code).toBe(0)
  })

  it('checks the login of each caller too', async () => {
    const { code, stdout } = await doctor({
      kind: 'dremio',
      uri: dremio.uri,
      username: 'dremio',
      password: 'dremio123',
      identity: {
        mode: 'impersonate',
        principals: { ann: { username: 'dremio', password: 'dremio123' } },
        groups: { team: { token: 'old-token' } },
      },
    })
    expect(stdout).toMatch(/for the principal ann[\s\S]*ok {3}metadata[\s\S]*for the group team[\s\S]*FAIL session/)
    expect([code, /dremio123|old-token/.test(stdout)]).toEqual([1, false])
  })

  it.each<[string, object, RegExp]>([
    ['a name that does not resolve', { uri: 'grpc://nowhere.invalid' }, /FAIL DNS[\s\S]*-> Check the host/],
    [
      'a port without a listener',
      { uri: 'grpc://127.0.0.1:1' },
      /FAIL TCP[\s\S]*ECONNREFUSED[\s\S]*-> Check that the server runs/,
    ],
    [
      'a wrong password',
      { username: 'dremio', password: 'not-the-word' },
      /FAIL login[\s\S]*UNAUTHENTICATED[\s\S]*-> Check sources\.here\.username/,
    ],
    ['no credentials', {}, /FAIL session[\s\S]*-> The server may require credentials/],
  ])('reports %s and the remedy, exit code 1', async (_what, more, expected) => {
    const { code, stdout } = await doctor({ kind: 'dremio', uri: dremio.uri, ...more })
    expect(stdout).toMatch(expected)
    expect(code).toBe(1)
  })

  it('TLS configured for a plaintext port: reports it and the remedy', async () => {
    const { stdout } = await doctor({ kind: 'flightsql', uri: dremio.uri.replace('grpc://', 'grpc+tls://') })
    expect(stdout).toMatch(/FAIL TLS[\s\S]*-> Check that the port speaks TLS/)
  })

  it('damaged database file: reports it and the remedy', async () => {
    const path = join(folder, 'damaged.duckdb')
    const damaged = Buffer.alloc(4096)
    damaged.write('DUCK', 8, 'latin1')
    writeFileSync(path, damaged)
    const { code, stdout } = await doctor({ kind: 'duckdb', path })
    expect(stdout).toMatch(/FAIL open[\s\S]*-> Check sources\.here\.path/)
    expect(code).toBe(1)
  })
})
