import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { packageVersion } from '../../src/ops/version.ts'
import { endWithTests } from './end-with-tests.ts'
import { GatewayProcess } from './gateway-process.ts'

const program = fileURLToPath(new URL('../../.cache/bin/adbc_validation', import.meta.url))
const notApplicable: Record<string, string> = JSON.parse(
  readFileSync(new URL('../go/validation/not-applicable.json', import.meta.url), 'utf8'),
)
const built = existsSync(program)
if (!built && process.env['CI'] === 'true') throw new Error('the ADBC validation suite is missing: run npm test')
if (!built) process.stderr.write('skipped: the ADBC validation suite is missing (npm test builds it where Go is)\n')

/** The suite's output: its tests with outcomes and lines, and how the suite ended. */
interface Run {
  readonly tests: ReadonlyMap<string, { outcome: string; lines: readonly string[] }>
  readonly text: string
}

function parse(text: string): Run {
  const linesOf = new Map<string, string[]>()
  const tests = new Map<string, { outcome: string; lines: readonly string[] }>()
  let lines: string[] = []
  for (const line of text.split('\n')) {
    const [, started] = /^=== (?:RUN|CONT|NAME) +(\S+)/.exec(line) ?? []
    const [, outcome, ended] = /^ *--- (PASS|FAIL|SKIP): (\S+)/.exec(line) ?? []
    if (started) {
      lines = linesOf.get(started) ?? []
      linesOf.set(started, lines)
    } else if (ended) tests.set(ended, { outcome: outcome!, lines: linesOf.get(ended) ?? [] })
    else lines.push(line)
  }
  return { tests, text }
}

function validate(gateway: GatewayProcess): Promise<Run> {
  const env = {
    FLIGHTGATE_URI: gateway.uri,
    FLIGHTGATE_USER: 'go',
    FLIGHTGATE_KEY: 'go-key',
    FLIGHTGATE_VERSION: packageVersion(),
  }
  return new Promise((resolve) =>
    endWithTests(
      execFile(program, ['-test.v', '-test.timeout=300s'], { env, maxBuffer: 1 << 26 }, (_error, out, err) =>
        resolve(parse(out + err)),
      ),
    ),
  )
}

// Each Go test becomes a test here, so the suite runs while this file is collected.
const gateway = built
  ? await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'go', key: 'go-key', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
  : undefined
const run = gateway && (await validate(gateway))

describe.runIf(run)("ADBC's own validation suite, in Go", () => {
  const { tests, text } = run ?? parse('')

  it('runs to its end', () => {
    expect([...tests.keys()].filter((name) => !name.includes('/')).sort()).toEqual([
      'TestConnection',
      'TestDatabase',
      'TestStatement',
    ])
    expect(text).not.toMatch(/^panic: /m)
    expect(tests.size).toBeGreaterThan(35)
  })

  it.each([...tests].filter(([name]) => !Object.hasOwn(notApplicable, name)))('%s passes', (_name, test) => {
    expect(test.outcome, test.lines.join('\n')).toBe('PASS')
  })

  it.each(Object.entries(notApplicable))('%s does not apply: %s', (name) => {
    expect(tests.get(name)?.outcome).toMatch(/^(FAIL|SKIP)$/)
  })

  it('leaks no statement or transaction', async () => {
    await expect.poll(() => gateway!.metric('flightgate_statements_in_flight')).toBe(0)
    await expect.poll(() => gateway!.metric('flightgate_transactions_open')).toBe(0)
    expect(await gateway!.stop()).toBe(0)
    expect(gateway!.noise).toEqual([])
  })
})
