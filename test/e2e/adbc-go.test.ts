import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageVersion } from '../../src/ops/version.ts'
import { GatewayProcess } from './gateway-process.ts'

const program = fileURLToPath(new URL('../../.cache/bin/adbc_validation', import.meta.url))
const notApplicable: Record<string, string> = JSON.parse(
  readFileSync(new URL('../go/validation/not-applicable.json', import.meta.url), 'utf8'),
)
const built = existsSync(program)
if (!built && process.env['CI'] === 'true') throw new Error('the ADBC validation suite is missing: run npm test')
if (!built) process.stderr.write('skipped: the ADBC validation suite is missing (npm test builds it where Go is)\n')

/** Runs ADBC's suite; answers with the outcome of each of its tests. */
function validate(gateway: GatewayProcess): Promise<Map<string, string>> {
  const env = {
    FLIGHTGATE_URI: gateway.uri,
    FLIGHTGATE_USER: 'go',
    FLIGHTGATE_KEY: 'go-key',
    FLIGHTGATE_VERSION: packageVersion(),
  }
  return new Promise((resolve) =>
    execFile(program, ['-test.v', '-test.timeout=100s'], { env, maxBuffer: 1 << 26 }, (_error, stdout) =>
      resolve(
        new Map([...stdout.matchAll(/--- (PASS|FAIL|SKIP): (\S+)/g)].map(([, outcome, name]) => [name!, outcome!])),
      ),
    ),
  )
}

describe.skipIf(!built)("ADBC's own validation suite, in Go", () => {
  let gateway: GatewayProcess
  let outcomes: Map<string, string>

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'go', key: 'go-key', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
    outcomes = await validate(gateway)
  }, 120_000)
  afterAll(async () => {
    expect(await gateway.metric('flightgate_transactions_open')).toBe(0)
    expect(await gateway.metric('flightgate_statements_in_flight')).toBe(0)
    expect(await gateway.stop()).toBe(0)
  })

  it('passes, apart from the cases that cannot apply', () => {
    expect(outcomes.size).toBeGreaterThan(35)
    const others = [...outcomes].filter(([name, outcome]) => outcome !== 'PASS' && !Object.hasOwn(notApplicable, name))
    expect(others).toEqual([])
  })

  it('still has the cases that are listed as not applying', () => {
    const passing = Object.keys(notApplicable).filter((name) => (outcomes.get(name) ?? 'PASS') === 'PASS')
    expect(passing).toEqual([])
  })
})
