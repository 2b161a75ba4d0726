import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { configDigest } from '../../../src/config/reload/config-digest.ts'
import { sourceKinds } from '../../../src/sources/kinds.ts'

const folder = mkdtempSync(join(tmpdir(), 'flightgate-digest-'))
afterAll(() => rmSync(folder, { recursive: true }))

function digestOf(yaml: string, env: NodeJS.ProcessEnv = {}): string {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, yaml)
  return configDigest(loadConfig({ file, env }), sourceKinds)
}

/** The settings of a replica as a rollout of pods has them. */
const replica = `
listen: { flight: "\${POD_IP}:32010", http: "\${POD_IP}:8080" }
auth: { apiKeys: [ { name: dash, key: "\${KEY}" } ], sealKeys: [ "a-seal-key-of-32-characters-at-least" ] }
redis: { url: "redis://redis:6379/0" }
replica: { address: "\${POD_IP}:32010", serverName: gateway }
tracing: { endpoint: "http://collector:4318/v1/traces", resourceAttributes: { host.name: "\${POD_IP}" } }
cache: { ttlMs: 60000 }
`

describe('the digest of a configuration', () => {
  const first = digestOf(replica, { POD_IP: '10.0.0.1', KEY: 'one' })

  it('replicas that differ in their addresses and in secrets have the same one', () => {
    expect(digestOf(replica, { POD_IP: '10.0.0.2', KEY: 'two' })).toBe(first)
  })

  it.each([
    ['a setting', 'ttlMs: 60000', 'ttlMs: 60001'],
    ['another member of replica', 'serverName: gateway', 'serverName: other'],
    ['another member of tracing', '4318/v1/traces"', '4318/v1/traces", sampleRatio: 0.5'],
    ['the name of a principal', 'name: dash', 'name: other'],
  ])('replicas that differ in %s have different ones', (_what, before, after) => {
    expect(replica).toContain(before)
    expect(digestOf(replica.replace(before, after), { POD_IP: '10.0.0.1', KEY: 'one' })).not.toBe(first)
  })
})
