import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Context, Query } from '../../../src/query/types.ts'
import type { DuckDbConfig } from '../../../src/sources/duckdb/settings.ts'
import { openDuckDbSource } from '../../../src/sources/duckdb/source.ts'
import { waitFor } from '../../wait-for.ts'

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
const slow = 'SELECT count(*) FROM range(1000000000000) t(a) WHERE hash(a) % 7 = 1'
/** Processor time after which a statement counts as long; load of other processes does not count. */
const LONG_WORK_MICROSECONDS = 300_000

describe('DuckDB’s task threads', () => {
  let helpers = 0
  const count = (worker: Worker) => {
    if (worker.threadName === 'duckdb-task-thread') helpers++
  }
  beforeEach(() => {
    helpers = 0
    process.on('worker', count)
  })
  afterEach(() => process.off('worker', count))

  /** Resolves when this process has used that much processor time. */
  function longWork(): Promise<unknown> {
    const before = process.cpuUsage()
    return waitFor(() => process.cpuUsage(before).user > LONG_WORK_MICROSECONDS, 'the statement has worked long')
  }

  /** Runs a long statement until `enough` resolves; returns its error, if any. */
  async function work(source: Awaited<ReturnType<typeof open>>, enough: () => Promise<unknown>): Promise<unknown> {
    const controller = new AbortController()
    const ctx = contextOf(controller.signal)
    const query: Query = { source: 'demo', sql: slow, session: {}, purpose: 'any' }
    const result = await source.run(await source.plan(query, ctx), ctx)
    void enough().then(() => controller.abort(new Error('enough')))
    try {
      for await (const frames of result.frames) for (const frame of frames) frame.release?.()
      return undefined
    } catch (error) {
      return error
    }
  }

  it('start with the first long statement, serve later ones, and end when the source closes', async () => {
    const source = await open(3)
    expect(await work(source, () => waitFor(() => helpers === 2, 'two threads have joined in'))).toBeDefined()
    expect(helpers).toBe(2)
    // The threads exist already.
    expect(await work(source, longWork)).toBeDefined()
    expect(helpers).toBe(2)
    const running = work(source, () => new Promise(() => {}))
    await longWork()
    await source.close()
    await running
  })

  it('are not started when a setting or start-up SQL limits DuckDB to one thread', async () => {
    for (const source of [await open(1), await open(4, ['SET threads = 1'])]) {
      await work(source, longWork)
      await source.close()
    }
    expect(helpers).toBe(0)
  })
})
