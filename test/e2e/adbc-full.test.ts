import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, spawnPython } from './python.ts'

const folder = new URL('../python/adbc_full/', import.meta.url)

/** The cases declared by a module. */
function casesOf(file: string): string[] {
  const text = readFileSync(new URL(file, folder), 'utf8')
  return [...text.matchAll(/^@case\ndef (\w+)/gm)].map(([, name]) => name!)
}

const modules = readdirSync(folder)
  .filter((file) => file.endsWith('.py'))
  .map((file) => [file.replace('.py', ''), casesOf(file)] as const)
  .filter(([, cases]) => cases.length > 0)

interface Outcome {
  readonly case: string
  readonly ok: boolean
  readonly error: string | null
}

describe.runIf(hasPython())('ADBC DBAPI', () => {
  let gateway: GatewayProcess
  const outcomes = new Map<string, Outcome>()

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] },
      sources: {
        demo: { kind: 'duckdb', writes: true },
        second: {
          kind: 'duckdb',
          init: ['CREATE TABLE fixed AS SELECT 1 AS i, $$a$$ AS s', 'CREATE SCHEMA extra'],
        },
      },
      defaultSource: 'demo',
    })
    const child = spawnPython('adbc_full.py', [gateway.uri, 'etl', 'etl-key', gateway.http])
    child.stderr!.pipe(process.stderr)
    for await (const line of createInterface(child.stdout!)) {
      const outcome = JSON.parse(line) as Outcome
      outcomes.set(outcome.case, outcome)
    }
  }, 400_000)
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  describe.each(modules)('%s', (_module, cases) => {
    it.each(cases)('%s', (name) => {
      expect(outcomes.get(name) ?? 'did not run').toMatchObject({ ok: true, error: null })
    })
  })

  it('leaks no statement or transaction', async () => {
    // A statement whose client leaves between two polls ends after limits.pollIdleMs.
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight'), { timeout: 90_000 }).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_transactions_open')).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_in_flight_bytes')).toBe(0)
    expect(gateway.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
  }, 120_000)
})
