import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Config } from '../../../src/config/config.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { difference } from '../../../src/config/reload/difference.ts'
import { keepSettings } from '../../../src/config/reload/keep-settings.ts'
import { liveConfig } from '../../../src/config/reload/live-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'flightgate-difference-'))
afterAll(() => rmSync(folder, { recursive: true }))

function configOf(yaml: string): Config {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, yaml)
  return loadConfig({ file, env: {} })
}

const differenceOf = (before: string, after: string) => difference(configOf(before), configOf(after))

describe('the difference between two configurations', () => {
  it('is empty for the same settings in other words', () => {
    expect(differenceOf('limits: { queueWaitMs: 10000 }', 'log: { level: info }')).toEqual([])
  })

  it('tells values, and what needs a restart', () => {
    const changes = differenceOf(
      'listen: { http: "127.0.0.1:1" }\nlimits: { queueWaitMs: 5 }',
      'listen: { http: "127.0.0.1:2" }\nlimits: { queueWaitMs: 6, maxQueued: 3 }\nquotas: { requestsPerMinute: 9 }',
    )
    expect(changes).toMatchObject([
      { path: 'listen.http', kind: 'changed', before: '127.0.0.1:1', after: '127.0.0.1:2', needsRestart: true },
      { path: 'limits.queueWaitMs', before: 5, after: 6, needsRestart: false },
      { path: 'limits.maxQueued', kind: 'added', after: 3, needsRestart: false },
      { path: 'quotas.requestsPerMinute', kind: 'added', after: 9, needsRestart: false },
    ])
  })

  it('compares API keys by their principal, and shows no secret', () => {
    const key = (name: string, secret: string, more = '') => `{ name: ${name}, key: ${secret}${more} }`
    const changes = differenceOf(
      `auth: { apiKeys: [ ${key('a', 'hunter1')}, ${key('b', 'hunter2')}, ${key('c', 'hunter3')} ] }`,
      `auth: { apiKeys: [ ${key('c', 'hunter3', ', roles: [admin]')}, ${key('a', 'hunter9')}, ${key('d', 'hunter4')} ] }`,
    )
    expect(changes).toMatchObject([
      { path: 'auth.apiKeys.a.key', kind: 'changed' },
      { path: 'auth.apiKeys.b', kind: 'removed' },
      { path: 'auth.apiKeys.c.roles', before: ['reader'], after: ['admin'] },
      { path: 'auth.apiKeys.d', kind: 'added' },
    ])
    expect(changes[0]).not.toHaveProperty('before')
    expect(JSON.stringify(changes)).not.toMatch(/hunter/)
    expect(JSON.stringify(changes)).not.toContain(
      configOf(`auth: { apiKeys: [ ${key('a', 'hunter1')} ] }`).auth.apiKeys[0]!.sha256.toString('hex'),
    )
  })

  it('shows no secret of a source', () => {
    const source = (password: string, headers: string) =>
      `sources: { up: { kind: flightsql, uri: "grpc://up:1", username: u, password: ${password}, headers: { x: ${headers} } } }`
    const changes = differenceOf(source('hunter1', 'hunter2'), source('hunter3', 'hunter4'))
    expect(changes.map(({ path }) => path)).toEqual(['sources.up.password', 'sources.up.headers.x'])
    expect(JSON.stringify(changes)).not.toMatch(/hunter/)
  })
})

describe('the settings of a reload', () => {
  it('that need a restart keep their running values', () => {
    const [running, next] = [
      configOf('listen: { http: "127.0.0.1:1" }\nlimits: { queueWaitMs: 5 }'),
      configOf('listen: { http: "127.0.0.1:2" }\nlimits: { queueWaitMs: 6 }\nredis: { host: redis }'),
    ]
    const waiting = difference(running, next).filter(({ needsRestart }) => needsRestart)
    const kept = keepSettings(
      running,
      next,
      waiting.map(({ keys }) => keys),
    )
    expect(kept.listen).toEqual(running.listen)
    expect(kept).not.toHaveProperty('redis')
    expect(kept.limits.queueWaitMs).toBe(6)
    expect(difference(kept, next).map(({ path }) => path)).toEqual(waiting.map(({ path }) => path))
  })

  it('change in place, for parts that keep their section', () => {
    const { config, apply } = liveConfig(configOf('limits: { queueWaitMs: 5, maxQueued: 3 }'))
    const { limits } = config
    apply(configOf('limits: { queueWaitMs: 6 }\ngroups: { g: {} }'))
    expect(limits).toMatchObject({ queueWaitMs: 6 })
    expect(limits.maxQueued).toBeUndefined()
    expect(Object.keys(config.groups)).toEqual(['g'])
  })
})
