import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython } from '../e2e/python.ts'

const schemathesis = fileURLToPath(new URL('../../.cache/python/bin/schemathesis', import.meta.url))
const key = 'schemathesis-0123456789abcdef'
/** Cases of each operation; `FLIGHTGATE_FUZZ_EXAMPLES` takes longer. */
const examples = process.env['FLIGHTGATE_FUZZ_EXAMPLES'] ?? '6'

let gateway: GatewayProcess

beforeAll(async () => {
  const sha256 = createHash('sha256').update(key).digest('hex')
  gateway = await GatewayProcess.start({
    auth: { apiKeys: [{ name: 'tester', key: `sha256:${sha256}`, roles: ['reader', 'admin'] }] },
    sources: { demo: { kind: 'duckdb', sample: { tpch: 0.001 } } },
  })
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
  expect(gateway.noise).toEqual([])
})

/** Checks that say nothing of this API, and why. */
const excluded = [
  // Any text is a valid statement for the schema, and most are not for the source.
  'positive_data_acceptance',
  // The method QUERY works, and OpenAPI 3.1 cannot name it.
  'unsupported_method',
  'allow_header_conformance',
]

it.skipIf(!hasPython())(
  'schemathesis finds no 5xx and no answer outside the OpenAPI document',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-schemathesis-'))
    const args = ['run', `http://${gateway.http}/openapi.json`, '-H', `x-api-key: ${key}`, '--no-color']
    args.push('--phases', 'examples,coverage,fuzzing', '--max-examples', examples)
    args.push('--exclude-checks', excluded.join(','), '--continue-on-failure', '--request-timeout', '20')
    if (process.env['FLIGHTGATE_FUZZ_EXAMPLES'] === undefined) args.push('--generation-deterministic')
    try {
      const { code, report } = await new Promise<{ code: number; report: string }>((resolve) => {
        execFile(schemathesis, args, { cwd: folder, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
          resolve({ code: Number(error?.code ?? 0), report: stdout + stderr }),
        )
      })
      expect(code, report).toBe(0)
      expect(report).toMatch(/Tested: \d+/)
      const answered = await gateway.metric('flightgate_http_requests_total', { status: '200' })
      expect(answered, 'requests that ran').toBeGreaterThan(30)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  300_000,
)
