import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { redactConfig } from '../../src/config/redact.ts'

const folder = mkdtempSync(join(tmpdir(), 'flightgate-tracing-'))
afterAll(() => rmSync(folder, { recursive: true }))
const load = (yaml: string, env: NodeJS.ProcessEnv = {}) => {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, yaml)
  return loadConfig({ file, env })
}
const endpoint = 'http://127.0.0.1:4318/v1/traces'

describe('the settings of tracing', () => {
  it('are absent by default, and have defaults once there is a collector', () => {
    expect(load('workers: 1').tracing).toBeUndefined()
    expect(load(`tracing: { endpoint: "${endpoint}" }`).tracing).toEqual({
      endpoint,
      headers: {},
      sampleRatio: 1,
      serviceName: 'flightgate',
      resourceAttributes: {},
      statements: 'hash',
      timeoutMs: 10_000,
      maxQueuedSpans: 4096,
    })
  })

  it('headers are secrets: they may come from the environment or a file, and are not shown', () => {
    writeFileSync(join(folder, 'token'), 'hunter2\n')
    const yaml = `tracing: { endpoint: "${endpoint}", headers: { a: "\${TOKEN}", b: "file:${join(folder, 'token')}" } }`
    const config = load(yaml, { TOKEN: 'hunter3' })
    expect(config.tracing?.headers).toEqual({ a: 'hunter3', b: 'hunter2' })
    const shown = JSON.stringify(redactConfig(config))
    expect(shown).toContain(endpoint)
    expect(shown).not.toMatch(/hunter/)
  })

  it('variables of OpenTelemetry override the file; without a collector they have no effect', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector:4318/',
      OTEL_EXPORTER_OTLP_HEADERS: 'b=2,c=x%3Dy',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    }
    expect(load(`tracing: { endpoint: "${endpoint}", headers: { a: "1", b: "1" } }`, env).tracing).toMatchObject({
      endpoint: 'https://collector:4318/v1/traces',
      headers: { a: '1', b: '2', c: 'x=y' },
      sampleRatio: 0.25,
    })
    expect(load('workers: 1', { OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER_ARG: '1' }).tracing).toBeUndefined()
  })

  it.each([
    ['tracing: {}', {}, 'tracing.endpoint'],
    ['tracing: { endpoint: "collector:4318" }', {}, 'must be an http or https URL'],
    ['tracing: { endpoint: "http://u:p@collector:4318" }', {}, 'without credentials'],
    [`tracing: { endpoint: "${endpoint}", sampleRatio: 2 }`, {}, 'tracing.sampleRatio'],
    [`tracing: { endpoint: "${endpoint}", headers: { "a b": x } }`, {}, 'must be the name of a header'],
    ['workers: 1', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    [`tracing: { endpoint: "${endpoint}" }`, { OTEL_EXPORTER_OTLP_HEADERS: 'x' }, 'name=value'],
    [`tracing: { endpoint: "${endpoint}" }`, { OTEL_TRACES_SAMPLER_ARG: '7' }, 'from 0 to 1'],
  ])('%s %j is refused', (yaml, env, text) => {
    expect(() => load(yaml, env as NodeJS.ProcessEnv)).toThrow(text)
  })
})
