import type { Worker, WorkerOptions } from 'node:worker_threads'
import { Int32, Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Control, type WorkerSetup } from '../../src/sources/duckdb/workers/messages.ts'
import { DemoSource, outcomeOf } from './demo-source.ts'

/** Heap limit of workers started from now on, in MiB; workers started so far, each with its shared memory. */
const heap = vi.hoisted(() => ({ mebibytes: undefined as number | undefined }))
const workers = vi.hoisted(() => [] as { readonly worker: Worker; readonly control: Int32Array }[])

vi.mock('node:worker_threads', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:worker_threads')>()
  class LimitedWorker extends original.Worker {
    constructor(file: string | URL, options?: WorkerOptions) {
      const limits = { maxOldGenerationSizeMb: heap.mebibytes ?? 0, maxYoungGenerationSizeMb: 2 }
      super(file, { ...options, ...(heap.mebibytes !== undefined && { resourceLimits: limits }) })
      const { control } = (options?.workerData ?? {}) as Partial<WorkerSetup>
      if (control) workers.push({ worker: this, control })
    }
  }
  return { ...original, default: original, Worker: LimitedWorker }
})

const endless = 'SELECT range FROM range(100000000000)'

describe('a dead worker', () => {
  let demo: DemoSource
  /**
   * Terminates the workers, each while it waits. All must have answered a request. A worker never dies in other moments but of its
   * heap: terminated while it calls or loads native code, it ends the process, since an addon cannot report an error to a thread
   * that ends.
   */
  const kill = async () => {
    await Promise.all(
      workers.splice(0).map(async ({ worker, control }) => {
        await expect.poll(() => Atomics.load(control, Control.working)).toBe(0)
        await worker.terminate()
      }),
    )
  }
  afterEach(async () => {
    workers.length = 0
    heap.mebibytes = undefined
    await demo.source.close()
    expect(demo.source.hasActiveThreads).toBe(false)
  })

  it('worker dies: its statement gets INTERNAL, the next one gets a new worker', async () => {
    demo = await DemoSource.open({ maxStreams: 1 })
    expect(await demo.run('SELECT 1')).toBe('OK')
    const query = { source: 'demo', sql: endless, session: {}, purpose: 'any' } as const
    const { frames } = await demo.source.run({ kind: 'read', query }, demo.context())
    const waiting = demo.run('SELECT 1')
    // The worker is ahead of its reader, and waits for it.
    await kill()
    const readAll = async () => {
      for await (const _ of frames);
    }
    expect(await outcomeOf(readAll())).toBe('INTERNAL')
    expect(await waiting).toBe('OK')
    expect(await demo.run('SELECT 1')).toBe('OK')
  })

  it('idle worker dies: it is replaced', async () => {
    demo = await DemoSource.open({ maxStreams: 1 })
    expect([await demo.plan('SELECT 1'), await demo.run('SELECT 1')]).toEqual(['OK', 'OK'])
    await kill()
    expect([await demo.plan('SELECT 2'), await demo.run('SELECT 2')]).toEqual(['OK', 'OK'])
  })

  it('worker runs out of heap: client gets OUT_OF_MEMORY with a remedy', async () => {
    demo = await DemoSource.open({ maxStreams: 1 })
    heap.mebibytes = 10
    const wide = `SELECT ${Array.from({ length: 30_000 }, (_, i) => `range + ${i} AS c${i}`)} FROM range(3000)`
    const result = demo.source.run(
      { kind: 'read', query: { source: 'demo', sql: wide, session: {}, purpose: 'any' } },
      demo.context(),
    )
    await expect(result).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: expect.stringContaining('fewer columns'),
    })
    expect(await demo.run('SELECT 1')).toBe('OK')
  })

  it('worker dies in an update: its transaction is rolled back, and blocks no other', async () => {
    demo = await DemoSource.open({
      maxStreams: 1,
      batchRows: 1000,
      init: ['CREATE TABLE t AS FROM range(100000) r(i)'],
    })
    expect(await demo.run('SELECT 1')).toBe('OK')
    const sql = 'UPDATE t SET i = i + ? RETURNING i'
    const parameters = tableToIPC(new Table({ n: vectorFromArray([1], new Int32()) }), 'stream')
    const query = { source: 'demo', sql, parameters, session: {}, purpose: 'write' } as const
    // The update commits after all rows were read; this test reads only the first batch.
    const { frames } = await demo.source.run({ kind: 'update', query }, demo.context())
    expect(await outcomeOf(frames[Symbol.asyncIterator]().next())).toBe('OK')
    await kill()
    await expect.poll(() => demo.run('UPDATE t SET i = i + 1', { isUpdate: true })).toBe('OK')
    expect(await demo.run('SELECT error(i::VARCHAR) FROM t WHERE i = 0')).toBe('OK')
    expect(await demo.run('SELECT error(i::VARCHAR) FROM t WHERE i = 1')).toBe('BAD_DATA')
  })
})
