import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { SharedRuns } from '../../../src/cache/sharing/shared-runs.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import { unnamedFilesIn } from '../../fakes/unnamed-files.ts'
import { contextOf } from '../../query/results/batches.ts'
import { CountedMemory, FakeSource, iterate, nextBatch, upTo } from './fake-source.ts'

const folder = mkdtempSync(join(tmpdir(), 'flightgate-shared-runs-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

/** How a reader behaves. */
const behaviour = fc.record({
  /** Turns of the event loop before it joins. */
  joinsAfter: fc.integer({ min: 0, max: 30 }),
  /** Turns that it pauses after a batch, in rotation. */
  pauses: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 }),
  end: fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'reads all' as const, after: 0 }) },
    fc.record({
      kind: fc.constantFrom('closes' as const, 'cancels' as const, 'stalls' as const),
      after: fc.integer({ min: 0, max: 20 }),
    }),
  ),
})

const bounds = fc.record({
  batches: fc.integer({ min: 0, max: 40 }),
  batchBytes: fc.constantFrom(2, 100, 5000),
  readAheadBytes: fc.constantFrom(0, 0, 500, 100_000),
  maxRecordedBytes: fc.constantFrom(0, 300, 10_000, 1_000_000),
  maxWindowBytes: fc.constantFrom(0, 300, 10_000),
  memoryBytes: fc.constantFrom(0, 1000, 1_000_000),
  spillBytes: fc.constantFrom(0, 500, 20_000, 1_000_000),
  failAt: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
})

type Outcome = { readonly read: readonly number[]; readonly error?: unknown }

describe('random readers of a shared run', () => {
  it('that stay get exactly the rows of the run, and nothing is left over', async () => {
    await fc.assert(
      fc.asyncProperty(bounds, fc.array(behaviour, { minLength: 1, maxLength: 8 }), async (limits, readers) => {
        const {
          batches,
          batchBytes,
          maxRecordedBytes,
          maxWindowBytes,
          memoryBytes,
          spillBytes,
          failAt,
          readAheadBytes,
        } = limits
        const memory = new CountedMemory(memoryBytes)
        const spill = { maxBytes: spillBytes, directory: folder }
        const runs = new SharedRuns({ memory, maxWindowBytes, spill })
        const source = new FakeSource({
          batches,
          batchBytes,
          ...(failAt !== undefined && { failAt, failWith: new GatewayError('UPSTREAM_DATA') }),
        })
        const finished = Promise.withResolvers<void>()
        const read = async ({ joinsAfter, pauses, end }: (typeof readers)[number]): Promise<Outcome> => {
          await turns(joinsAfter)
          const controller = new AbortController()
          const numbers: number[] = []
          try {
            const ctx = contextOf('me', controller.signal)
            const { result } = await runs.run('key', ctx, source.start, { maxRecordedBytes, readAheadBytes })
            const frames = iterate(result)
            try {
              for (;;) {
                if (end.kind !== 'reads all' && numbers.length === end.after) {
                  if (end.kind === 'stalls') await finished.promise
                  if (end.kind === 'cancels') controller.abort(new GatewayError('CANCELLED'))
                  return { read: numbers }
                }
                const number = await nextBatch(frames)
                if (number < 0) return { read: numbers }
                numbers.push(number)
                await turns(pauses[numbers.length % pauses.length]!)
              }
            } finally {
              await frames.return?.()
            }
          } catch (error) {
            return { read: numbers, error }
          }
        }
        await using _ = { [Symbol.asyncDispose]: () => runs.close() }
        const outcomes = readers.map(read)
        await Promise.all(outcomes.filter((_, i) => readers[i]!.end.kind !== 'stalls'))
        finished.resolve()
        const expected = upTo(Math.min(batches, failAt ?? batches))
        const doesFail = failAt !== undefined && failAt < batches
        for (const [i, { read: got, error }] of (await Promise.all(outcomes)).entries()) {
          expect(got).toEqual(expected.slice(0, got.length))
          if (readers[i]!.end.kind !== 'reads all') continue
          const code = (error as GatewayError | undefined)?.code
          if (code === 'FELL_BEHIND') expect(spillBytes).toBeLessThanOrEqual(20_000)
          else expect([got, code]).toEqual([expected, doesFail ? 'UPSTREAM_DATA' : undefined])
        }
        expect([source.held, memory.used]).toEqual([0, 0])
      }),
      { numRuns: Number(process.env['SHARED_RUNS'] ?? 150) },
    )
    expect(unnamedFilesIn(folder)).toEqual([])
  }, 60_000)
})
