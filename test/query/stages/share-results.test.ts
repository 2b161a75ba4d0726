import { describe, expect, it } from 'vitest'
import type { Frame } from '../../../src/arrow/ipc/frame.ts'
import { type Sharing, shareResults } from '../../../src/query/stages/share-results.ts'
import type { PlannedStatement, Result } from '../../../src/query/types.ts'
import { MemoryStore } from '../../../src/state/memory.ts'
import { contextOf, frame, resultOf, rowsOf } from '../results/batches.ts'

const TTL_MS = 60_000
const statement = (sql: string, execution: string): PlannedStatement => ({
  kind: 'read',
  query: { source: 'demo', sql, session: {}, purpose: 'any' },
  execution,
})

/** A sharing stage, keyed by principal and text, in front of an engine that counts its runs. */
function sharing(options: Partial<Sharing>, engine: (run: number) => Promise<Result>) {
  const stage = shareResults({
    name: 'coalesce',
    keyOf: ({ query }, { principal }) => JSON.stringify([principal.name, query.sql]),
    ttlOf: () => 0,
    maxBytes: 1000,
    waitMs: 10_000,
    store: new MemoryStore(1 << 20),
    ...options,
  })
  let runs = 0
  const run = (sql: string, execution: string, ctx = contextOf('me')) =>
    stage.run!(statement(sql, execution), ctx, () => engine(++runs))
  return { run, runs: () => runs }
}

/** A result that yields its rows once `release` is called. */
function waitingResult() {
  const { promise, resolve: release } = Promise.withResolvers<void>()
  const { result } = resultOf(3)
  const frames = async function* (): AsyncGenerator<readonly Frame[]> {
    await promise
    yield* result.frames
  }
  return { result: { ...result, frames: frames() }, release }
}

describe('statements that share results', () => {
  it('run once for two concurrent executions of the same text, and again for a later one', async () => {
    const first = waitingResult()
    const { run, runs } = sharing({}, async (n) => (n === 1 ? first.result : resultOf(1).result))
    const [one, other] = [run('SELECT 1', 'a'), run('SELECT 1', 'b')]
    const foreign = await run('SELECT 1', 'c', contextOf('another'))
    expect([runs(), await rowsOf(foreign)]).toEqual([2, 1])
    first.release()
    expect([await rowsOf(await one), await rowsOf(await other), runs()]).toEqual([3, 3, 2])
    expect([await rowsOf(await run('SELECT 1', 'd')), runs()]).toEqual([1, 3])
  })

  it('run once while the store keeps the result', async () => {
    const { run, runs } = sharing({ ttlOf: () => TTL_MS }, async () => resultOf(2).result)
    for (const execution of ['a', 'b']) expect(await rowsOf(await run('SELECT 1', execution))).toBe(2)
    expect(runs()).toBe(1)
  })

  it('store fails: each execution runs on its own', async () => {
    const store = { get: () => Promise.reject(new Error('down')), set: () => Promise.reject(new Error('down')) }
    const { run, runs } = sharing({ ttlOf: () => TTL_MS, store }, async () => resultOf(2).result)
    for (const execution of ['a', 'b']) expect(await rowsOf(await run('SELECT 1', execution))).toBe(2)
    expect(runs()).toBe(2)
  })

  it('first execution fails: the second runs again, errors are not shared', async () => {
    const { run, runs } = sharing({}, async (n) => {
      await new Promise(setImmediate)
      return n === 1 ? Promise.reject(new Error('broken')) : resultOf(2).result
    })
    const both = await Promise.allSettled([run('SELECT 1', 'a'), run('SELECT 1', 'b')])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(runs()).toBe(2)
  })

  it('result too large to share: each execution runs on its own without waiting', async () => {
    const wide = async (): Promise<Result> => ({ ...resultOf(0).result, frames: batchesOf(2000) })
    const { run, runs } = sharing({ ttlOf: () => TTL_MS }, wide)
    const [one, other] = await Promise.all([run('SELECT 1', 'a'), run('SELECT 1', 'b')])
    expect([await rowsOf(one), await rowsOf(other), runs()]).toEqual([2, 2, 2])
  })

  it('a waiting execution runs on its own at the wait limit, and stops when its call ends', async () => {
    const first = waitingResult()
    const { run, runs } = sharing({ waitMs: 20 }, async (n) => (n === 1 ? first.result : resultOf(1).result))
    const slow = run('SELECT 1', 'a')
    expect([await rowsOf(await run('SELECT 1', 'b')), runs()]).toEqual([1, 2])
    first.release()
    await rowsOf(await slow)
    const patient = sharing({}, async () => waitingResult().result)
    await patient.run('SELECT 1', 'a')
    const leaving = AbortSignal.timeout(20)
    await expect(patient.run('SELECT 1', 'b', contextOf('me', leaving))).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})

async function* batchesOf(byteLength: number): AsyncGenerator<readonly Frame[]> {
  for (let i = 0; i < 2; i++) yield [frame(byteLength)]
}
