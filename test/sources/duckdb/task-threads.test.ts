import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Context, Query } from '../../../src/query/types.ts'
import type { DuckDbConfig } from '../../../src/sources/duckdb/settings.ts'
import { openDuckDbSource } from '../../../src/sources/duckdb/source.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const contextOf = (signal: AbortSignal): Context => ({
  principal: { name: 'tester', roles: ['reader'] },
  signal,
  deadlineAt: Number.POSITIVE_INFINITY,
  requestId: 'r',
  log,
})
const open = (threads: number, init: string[] = []) => {
  const limits = { maxStreams: 4, batchRows: 65_536, batchBytes: 2 << 20 }
  const config: DuckDbConfig = { path: ':memory:', init, writes: false, losslessTypes: true, threads, ...limits }
  return openDuckDbSource('demo', config, { log })
}
const slow = 'SELECT count(*) FROM range(1000000000) t(a) WHERE hash(a) % 7 = 1'

describe('the threads that help DuckDB', () => {
  let helpers = 0
  const count = (worker: Worker) => {
    if (worker.threadName === 'duckdb-task-thread') helpers++
  }
  beforeEach(() => {
    helpers = 0
    process.on('worker', count)
  })
  afterEach(() => process.off('worker', count))

  /** Runs a long statement for at most so long. */
  async function work(source: Awaited<ReturnType<typeof open>>, ms: number): Promise<unknown> {
    const ctx = contextOf(AbortSignal.timeout(ms))
    const query: Query = { source: 'demo', sql: slow, session: {}, purpose: 'any' }
    const result = await source.run(await source.plan(query, ctx), ctx)
    try {
      for await (const frames of result.frames) for (const frame of frames) frame.release?.()
      return undefined
    } catch (error) {
      return error
    }
  }

  it('join in on a long statement, stop with it, and have ended when the source is closed', async () => {
    const source = await open(3)
    expect(await work(source, 400)).toBeDefined()
    expect(helpers).toBe(2)
    // They are there already.
    expect(await work(source, 400)).toBeDefined()
    expect(helpers).toBe(2)
    const running = work(source, 60_000)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await source.close()
    await running
  })

  it('are none where DuckDB is to use one thread, whoever said so', async () => {
    for (const source of [await open(1), await open(4, ['SET threads = 1'])]) {
      await work(source, 300)
      await source.close()
    }
    expect(helpers).toBe(0)
  })
})
