import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, runPython } from '../e2e/python.ts'

const seconds = Number(process.env['FLIGHTGATE_SOAK_SECONDS'] ?? 8)
/** Fills freed and fresh memory of glibc and DuckDB with bytes that no value of the test contains. */
const perturbed = { MALLOC_PERTURB_: '165', DUCKDB_JE_MALLOC_CONF: 'junk:true,abort_conf:true' }

interface Outcome {
  readonly kinds: number
  readonly kindsRead: number
  readonly reads: number
  readonly changes: number
  readonly ways: Readonly<Record<string, number>>
  readonly refusals: Readonly<Record<string, number>>
  readonly wrong: readonly string[]
}

describe.skipIf(!hasPython())('reads during concurrent type changes', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    const demo = { kind: 'duckdb', writes: true, losslessTypes: true, init: ["SET GLOBAL TimeZone = 'UTC'"] }
    gateway = await GatewayProcess.start({ sources: { demo } }, perturbed)
  })
  afterAll(() => gateway?.stop())

  it(
    `give values of the announced type, or an error, for ${seconds} s`,
    async () => {
      const { ways, refusals, wrong, ...counts } = await runPython<Outcome>(
        'type_changes.py',
        gateway.uri,
        String(seconds),
      )
      process.stdout.write(`${JSON.stringify({ ...counts, ways, refusals })}\n`)
      expect(wrong).toEqual([])
      expect(counts.kindsRead).toBe(counts.kinds)
      expect(counts.reads).toBeGreaterThan(20)
      for (const way of ['replace', 'transaction', 'ingest', 'VIEW g', 'TABLE h']) expect(ways[way]).toBeGreaterThan(0)
      expect(gateway.lines.filter(({ outcome }) => outcome === 'INTERNAL')).toEqual([])
      expect(await gateway.stop()).toBe(0)
    },
    (seconds + 180) * 1000,
  )
})
