import { describe, expect, it } from 'vitest'
import type { RecordedResult } from '../../../src/cache/recorded-result.ts'
import { type SharedRunOptions, SharedRuns } from '../../../src/cache/sharing/shared-runs.ts'
import { deriveContext } from '../../../src/query/derive-context.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import type { StatementTrace } from '../../../src/query/statement-trace.ts'
import type { Context } from '../../../src/query/types.ts'
import { contextOf } from '../../query/results/batches.ts'
import { waitFor } from '../../wait-for.ts'
import {
  batchesOf,
  CountedMemory,
  FakeSource,
  type FakeSourceOptions,
  iterate,
  nextBatch,
  upTo,
} from './fake-source.ts'

interface Setup extends FakeSourceOptions {
  readonly maxRecordedBytes?: number
  readonly maxWindowBytes?: number
  readonly maxBytes?: number
  readonly spillBytes?: number
}

function setup({ maxRecordedBytes = 10_000, maxWindowBytes = 100, maxBytes, spillBytes = 0, ...options }: Setup) {
  const memory = new CountedMemory(maxBytes)
  const runs = new SharedRuns({ memory, maxWindowBytes, spill: { maxBytes: spillBytes } })
  const source = new FakeSource(options)
  const recorded: (RecordedResult | string)[] = []
  const recording = {
    maxRecordedBytes,
    onRecorded: (result: RecordedResult | undefined, why: string | undefined) => void recorded.push(result ?? why!),
  }
  const run = (ctx: Context = contextOf('me'), more: Partial<SharedRunOptions> = {}) =>
    runs.run('key', ctx, source.start, { ...recording, ...more })
  return { runs, run, source, memory, recorded, recording }
}

/** A reader that can leave. */
function leaving(name = 'me') {
  const controller = new AbortController()
  const trace: StatementTrace = {}
  return {
    ctx: deriveContext(contextOf(name, controller.signal), { trace }),
    trace,
    leave: (reason: Error = new GatewayError('CANCELLED')) => controller.abort(reason),
  }
}

/** A gate that a source waits at. */
function gate() {
  const { promise, resolve: open } = Promise.withResolvers<void>()
  return { promise, open }
}

describe('identical reads in flight', () => {
  it('share one run, and each gets all rows, its own counts and the metadata', async () => {
    const { run, source, memory, recorded } = setup({ batches: 5 })
    const shared = await Promise.all(Array.from({ length: 200 }, () => run()))
    expect(shared.filter(({ isCollapsed }) => isCollapsed)).toHaveLength(199)
    const all = await Promise.all(shared.map(({ result }) => batchesOf(result)))
    for (const numbers of all) expect(numbers).toEqual(upTo(5))
    for (const { result } of shared) {
      expect(result.stats).toEqual({ rows: 15, bytes: 50, affectedRows: -1 })
      expect(result.metadata).toEqual({ 'x-engine': 'fake' })
    }
    expect([source.runs, source.produced, source.held]).toEqual([1, 5, 0])
    expect(recorded).toMatchObject([{ rows: 15, byteLength: 60 }])
    expect((recorded[0] as RecordedResult).frames.map(({ chunks }) => chunks[0]![0])).toEqual(upTo(5))
    expect([memory.used, memory.most]).toEqual([0, 60])
  })

  it('get the same buffers, not copies', async () => {
    const { run, source } = setup({ batches: 2, batchBytes: 1000 })
    const [one, other] = await Promise.all([run(), run()])
    const frames = await Promise.all([iterate(one.result).next(), iterate(other.result).next()])
    expect(frames[0]!.value[0].chunks[0]).toBe(frames[1]!.value[0].chunks[0])
    expect(one.result.schema).toBe(other.result.schema)
    expect(source.held).toBe(0)
  })

  it('join late and start from the first row while all rows are kept', async () => {
    const { run, source } = setup({ batches: 5 })
    const first = await run()
    const frames = iterate(first.result)
    for (const n of upTo(3)) expect(await nextBatch(frames)).toBe(n)
    const late = await run()
    expect([late.isCollapsed, await batchesOf(late.result), source.runs]).toEqual([true, upTo(5), 1])
    expect([await nextBatch(frames), await nextBatch(frames), await nextBatch(frames)]).toEqual([3, 4, -1])
  })

  it('run again once the run has ended, and with mayJoin false at once', async () => {
    const { run, source } = setup({ batches: 1 })
    const first = await run()
    const fresh = await run(contextOf('me'), { mayJoin: false })
    const third = await run()
    expect([fresh.isCollapsed, third.isCollapsed, source.runs]).toEqual([false, true, 2])
    for (const { result } of [first, fresh, third]) expect(await batchesOf(result)).toEqual([0])
    expect([(await run()).isCollapsed, source.runs]).toEqual([false, 3])
  })

  it('are read at the pace of the fastest reader: nothing ahead, and nothing while none reads', async () => {
    const { run, source } = setup({ batches: 5 })
    const [one, other] = await Promise.all([run(), run()])
    await new Promise(setImmediate)
    expect(source.produced).toBe(0)
    const fast = iterate(one.result)
    expect([await nextBatch(fast), await nextBatch(fast)]).toEqual([0, 1])
    expect(await nextBatch(iterate(other.result))).toBe(0)
    await new Promise(setImmediate)
    expect(source.produced).toBe(2)
  })
})

describe('the read-ahead of a small result', () => {
  it('ends the run while its reader pauses, and no further than its bytes', async () => {
    const small = setup({ batches: 5 })
    const { result } = await small.run(contextOf('me'), { readAheadBytes: 1000 })
    await waitFor(() => small.recorded.length === 1, 'the recording')
    expect(await batchesOf(result)).toEqual(upTo(5))
    const large = setup({ batches: 50 })
    const first = await large.run(contextOf('me'), { readAheadBytes: 45 })
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
    // The schema and 4 batches, of 10 bytes each.
    expect(large.source.produced).toBe(4)
    const frames = iterate(first.result)
    for (const n of upTo(5)) expect(await nextBatch(frames)).toBe(n)
    expect(large.source.produced).toBe(5)
  })

  it('stops when the reader leaves', async () => {
    const { run, source, memory } = setup({ batches: 5, onBatch: (n) => (n === 2 ? new Promise(() => {}) : undefined) })
    const reader = leaving()
    await run(reader.ctx, { readAheadBytes: 1000 })
    reader.leave()
    await waitFor(() => source.stopped === 1 && source.held === 0, 'the source to stop')
    expect(memory.used).toBe(0)
  })
})

describe('a reader that leaves a shared run', () => {
  it('does not stop it, even if it began the run and waits for its start', async () => {
    const started = gate()
    const { run, source } = setup({ batches: 3, onStart: () => started.promise })
    const first = leaving()
    const [one, other] = [run(first.ctx), run()]
    first.leave()
    await expect(one).rejects.toMatchObject({ code: 'CANCELLED' })
    started.open()
    expect([await batchesOf((await other).result), source.runs, source.stopped]).toEqual([upTo(3), 1, 0])
  })

  it('does not stop it in the middle, whether its call ends or it closes the result', async () => {
    const { run, source } = setup({ batches: 5 })
    const first = leaving()
    const readers = [await run(first.ctx), await run(), await run()].map(({ result }) => iterate(result))
    for (const reader of readers) expect(await nextBatch(reader)).toBe(0)
    first.leave()
    await readers[1]!.return?.()
    await expect(nextBatch(readers[0]!)).rejects.toMatchObject({ code: 'CANCELLED' })
    for (const n of [1, 2, 3, 4, -1]) expect(await nextBatch(readers[2]!)).toBe(n)
    expect([source.runs, source.stopped]).toEqual([1, 0])
  })

  it('stops it when it is the last one, and a new reader begins a new run', async () => {
    const { run, source, memory, recorded } = setup({ batches: 5 })
    const readers = [leaving(), leaving()]
    const frames = (await Promise.all(readers.map(({ ctx }) => run(ctx)))).map(({ result }) => iterate(result))
    expect(await nextBatch(frames[0]!)).toBe(0)
    readers[0]!.leave()
    expect(source.contexts[0]!.signal.aborted).toBe(false)
    readers[1]!.leave(new GatewayError('DEADLINE'))
    await frames[1]!.return?.()
    expect(source.contexts[0]!.signal.reason).toMatchObject({ code: 'DEADLINE' })
    expect([source.stopped, recorded, memory.used]).toEqual([1, ['abandoned'], 0])
    expect([(await run()).isCollapsed, source.runs]).toEqual([false, 2])
  })

  it('closes a result that starts after all have left', async () => {
    const started = gate()
    const { runs, recording, source } = setup({ batches: 5 })
    const first = leaving()
    const late = async (ctx: Context) => {
      await started.promise
      return await source.start(deriveContext(ctx, { signal: new AbortController().signal }))
    }
    const one = runs.run('key', first.ctx, late, recording)
    first.leave()
    await expect(one).rejects.toMatchObject({ code: 'CANCELLED' })
    started.open()
    await waitFor(() => source.stopped === 1, 'the result to be closed')
  })

  it('at its deadline does not end the run: the source gets no deadline', async () => {
    const { run, source } = setup({ batches: 2 })
    const first = leaving()
    const one = await run(deriveContext(first.ctx, { deadlineAt: Date.now() + 1000 }))
    const other = await run()
    expect(source.contexts[0]!.deadlineAt).toBe(Number.POSITIVE_INFINITY)
    first.leave(new GatewayError('DEADLINE'))
    await expect(batchesOf(one.result)).rejects.toMatchObject({ code: 'DEADLINE' })
    expect(await batchesOf(other.result)).toEqual(upTo(2))
  })
})

describe('errors of a shared run', () => {
  it('before the first row reach all who wait, and the next call runs again', async () => {
    const { run, source, recorded } = setup({
      batches: 1,
      onStart: (_, n) => (n === 1 ? Promise.reject(new GatewayError('BAD_SQL')) : undefined),
    })
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => run()))
    for (const each of all) expect(each).toMatchObject({ status: 'rejected', reason: { code: 'BAD_SQL' } })
    expect([source.runs, recorded]).toEqual([1, ['failed']])
    expect(await batchesOf((await run()).result)).toEqual([0])
  })

  it.each(['BUDGET_EXCEEDED', 'QUOTA_EXCEEDED', 'QUEUE_FULL', 'DEADLINE'] as const)(
    'from limits of the first reader (%s) leave the run to the next reader',
    async (code) => {
      const { run, source } = setup({
        batches: 3,
        onStart: ({ principal }) => {
          if (principal.name === 'poor') throw new GatewayError(code)
        },
      })
      const poor = run(contextOf('poor'))
      const others = await Promise.all(Array.from({ length: 5 }, () => run(contextOf('rich'))))
      await expect(poor).rejects.toMatchObject({ code })
      for (const { result } of others) expect(await batchesOf(result)).toEqual(upTo(3))
      expect([source.runs, others.filter(({ isCollapsed }) => isCollapsed).length]).toEqual([2, 4])
    },
  )

  it('in the middle reach all after the rows before them, also slow ones, and the next call runs again', async () => {
    const { run, source, memory, recorded } = setup({
      batches: 5,
      failAt: 2,
      failWith: new GatewayError('UPSTREAM_DATA'),
    })
    const frames = (await Promise.all([run(), run()])).map(({ result }) => iterate(result))
    for (const reader of frames) {
      expect([await nextBatch(reader), await nextBatch(reader)]).toEqual([0, 1])
      await expect(nextBatch(reader)).rejects.toMatchObject({ code: 'UPSTREAM_DATA' })
    }
    expect([(await run()).isCollapsed, source.runs, recorded, memory.used - 10]).toEqual([false, 2, ['failed'], 0])
  })
})

describe('the rows of a large shared run', () => {
  it('pass the only reader untouched beyond the recording, and nothing is kept', async () => {
    const { runs, source, memory, recorded, recording } = setup({ batches: 20, maxRecordedBytes: 45 })
    const { result } = await runs.run('key', contextOf('me'), source.start, recording)
    const frames = iterate(result)
    // The schema and 3 batches fit.
    for (const n of upTo(3)) expect(await nextBatch(frames)).toBe(n)
    expect([source.held, memory.used]).toEqual([0, 40])
    const next = await frames.next()
    expect([next.value[0].chunks.length, source.held, memory.used, recorded]).toEqual([2, 1, 10, ['too-large']])
    next.value[0].release()
    for (const n of upTo(20).slice(4)) expect(await nextBatch(frames)).toBe(n)
    expect([await nextBatch(frames), source.held, memory.used]).toEqual([-1, 0, 0])
  })

  it('are not joined any more', async () => {
    const { run, source } = setup({ batches: 10, maxRecordedBytes: 45 })
    const first = iterate((await run()).result)
    for (const n of upTo(4)) expect(await nextBatch(first)).toBe(n)
    const late = await run()
    expect([late.isCollapsed, await batchesOf(late.result), source.runs]).toEqual([false, upTo(10), 2])
  })

  it('wait for a slower reader within the window, and end it with FELL_BEHIND beyond', async () => {
    const { run, source, memory } = setup({ batches: 100, maxRecordedBytes: 45, maxWindowBytes: 100 })
    const [fast, slow, stalled] = (await Promise.all([run(), run(), run()])).map(({ result }) => iterate(result))
    for (const n of upTo(11)) expect(await nextBatch(fast!)).toBe(n)
    for (const n of upTo(5)) expect(await nextBatch(slow!)).toBe(n)
    expect(memory.used).toBe(120)
    for (const n of upTo(15).slice(11)) expect(await nextBatch(fast!)).toBe(n)
    await expect(nextBatch(stalled!)).rejects.toMatchObject({ code: 'FELL_BEHIND' })
    expect(memory.used).toBeLessThanOrEqual(120)
    const rest = Promise.all(
      [upTo(100).slice(15), upTo(100).slice(5)].map((all, i) => readAll([fast!, slow!][i]!, all)),
    )
    await rest
    expect([source.runs, source.held, memory.used]).toEqual([1, 0, 0])
  })

  it('go to a file for a reader that stalls, which then reads them all, while the others go on', async () => {
    const { run, runs, source, memory } = setup({ batches: 200, maxRecordedBytes: 45, spillBytes: 5000 })
    const [fast, other, stalled] = (await Promise.all([run(), run(), run()])).map(({ result }) => iterate(result))
    await Promise.all([readAll(fast!, upTo(200)), readAll(other!, upTo(200))])
    expect(memory.used).toBeLessThanOrEqual(120)
    await readAll(stalled!, upTo(200))
    expect([source.runs, source.held, memory.used]).toEqual([1, 0, 0])
    await runs.close()
  })

  it('end the reader that stalls when the file is full, and only that one', async () => {
    const { run, runs, source, memory } = setup({ batches: 200, maxRecordedBytes: 45, spillBytes: 500 })
    const [fast, stalled] = (await Promise.all([run(), run()])).map(({ result }) => iterate(result))
    expect(await nextBatch(stalled!)).toBe(0)
    await readAll(fast!, upTo(200))
    await expect(nextBatch(stalled!)).rejects.toMatchObject({ code: 'FELL_BEHIND', retryable: true })
    expect([source.held, memory.used]).toEqual([0, 0])
    await runs.close()
  })

  it('stop being recorded when the memory has no room, and still reach every reader', async () => {
    const { run, source, memory, recorded } = setup({ batches: 50, maxBytes: 35 })
    const readers = (await Promise.all([run(), run()])).map(({ result }) => iterate(result))
    await Promise.all(readers.map((reader) => readAll(reader, upTo(50))))
    expect([recorded, source.runs, source.held, memory.used]).toEqual([['no-room'], 1, 0, 0])
    expect(memory.most).toBeLessThanOrEqual(35)
  })

  it('are released if the last reader leaves before it has them', async () => {
    const produced = gate()
    const { run, source, memory } = setup({ batches: 9, maxRecordedBytes: 0, onBatch: () => produced.promise })
    const first = leaving()
    const frames = iterate((await run(first.ctx)).result)
    const pulled = nextBatch(frames)
    pulled.catch(() => {})
    await frames.return?.()
    produced.open()
    await pulled.catch(() => {})
    expect([source.held, memory.used]).toEqual([0, 0])
  })
})

describe('the memory of a shared run', () => {
  it('is given back once if all readers leave while a batch is copied', async () => {
    const reader = leaving()
    const { run, source, memory } = setup({ batches: 3, onRelease: (n) => n === 1 && reader.leave() })
    const frames = iterate((await run(reader.ctx)).result)
    expect(await nextBatch(frames)).toBe(0)
    await expect(nextBatch(frames)).rejects.toMatchObject({ code: 'CANCELLED' })
    await waitFor(() => source.held === 0, 'the release')
    await new Promise(setImmediate)
    expect(memory.used).toBe(0)
  })
})

describe('a run in the background', () => {
  it('is recorded to its end without a reader, and readers may join it', async () => {
    const batch = gate()
    const { runs, run, source, recorded, recording, memory } = setup({
      batches: 5,
      onBatch: (n) => (n === 2 ? batch.promise : undefined),
    })
    const background = runs.runInBackground('key', contextOf('me'), source.start, { ...recording, maxMs: 10_000 })
    expect(await runs.runInBackground('key', contextOf('me'), source.start, { ...recording, maxMs: 10_000 })).toBe(
      false,
    )
    const joined = run()
    batch.open()
    expect([(await joined).isCollapsed, await batchesOf((await joined).result)]).toEqual([true, upTo(5)])
    expect([await background, source.runs, recorded.length, memory.used]).toEqual([true, 1, 1, 0])
  })

  it('ends when the rows are too many, at its time limit, and when the gateway closes', async () => {
    const large = setup({ batches: 9, maxRecordedBytes: 45 })
    const ctx = contextOf('me')
    const { runs, source, recording } = large
    expect(await runs.runInBackground('key', ctx, source.start, { ...recording, maxMs: 10_000 })).toBe(false)
    expect([source.stopped, source.held, large.recorded]).toEqual([1, 0, ['too-large']])
    const stuck = setup({ batches: 9, onBatch: () => new Promise(() => {}) })
    await expect(
      stuck.runs.runInBackground('key', ctx, stuck.source.start, { ...stuck.recording, maxMs: 20 }),
    ).rejects.toMatchObject({ code: 'DEADLINE' })
    const closed = stuck.runs.runInBackground('key', ctx, stuck.source.start, { ...stuck.recording, maxMs: 10_000 })
    await stuck.runs.close()
    await expect(closed).rejects.toMatchObject({ code: 'DRAINING' })
    expect([stuck.source.stopped, stuck.memory.used]).toEqual([2, 0])
  })
})

describe('what the readers of a shared run tell', () => {
  it('each is queued until the run has its slot; the bill belongs to the first', async () => {
    const slot = gate()
    const { run } = setup({
      batches: 1,
      onStart: async ({ trace }) => {
        await slot.promise
        trace!.queueWaitMs = 7
        trace!.billedBytes = 10
        trace!.costUsd = 1
      },
    })
    const [first, second, third] = [leaving(), leaving(), leaving()]
    const both = [run(first.ctx), run(second.ctx)]
    await new Promise(setImmediate)
    expect([first.trace, second.trace]).toEqual([{}, {}])
    slot.open()
    await Promise.all(both)
    await run(third.ctx)
    expect(first.trace).toEqual({ queueWaitMs: 7, billedBytes: 10, costUsd: 1 })
    expect(second.trace).toEqual({ queueWaitMs: expect.any(Number), isShared: true })
    expect(third.trace).toEqual({ queueWaitMs: 0, isShared: true })
  })

  it('the run keeps principal, holder and metadata of the first, and none of what ends with its call', async () => {
    const { run, source } = setup({ batches: 1 })
    const connection = { isLeaving: false, onceClosed() {} }
    const ctx = deriveContext(contextOf('me'), {
      connection,
      holder: 'connection 1',
      metadata: { 'x-user': 'me' },
      changeMark: { mayHaveChanged: false },
      heldReports: [],
      reader: { end() {} },
    })
    await run(ctx)
    expect(source.contexts[0]).toMatchObject({
      principal: { name: 'me' },
      holder: 'connection 1',
      metadata: { 'x-user': 'me' },
    })
    const { connection: c, changeMark, heldReports, reader } = source.contexts[0]!
    expect([c, changeMark, heldReports, reader]).toEqual([undefined, undefined, undefined, undefined])
  })
})

async function readAll(frames: ReturnType<typeof iterate>, expected: readonly number[]): Promise<void> {
  for (const n of [...expected, -1]) expect(await nextBatch(frames)).toBe(n)
}
