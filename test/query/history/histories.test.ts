import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type SourceColumn, sourceColumns } from '../../../src/query/history/columns.ts'
import { Histories } from '../../../src/query/history/histories.ts'
import { SAMPLE_MS, SampleRing } from '../../../src/query/history/sample-ring.ts'
import { StatementCounts } from '../../../src/query/history/statement-counts.ts'
import { MemoryBus } from '../../../src/state/bus.ts'

type Values = Readonly<Record<SourceColumn, number>>

const none = Object.fromEntries(Object.keys(sourceColumns).map((name) => [name, 0])) as Values
const process = { eventLoopMs: 1, rssBytes: 100, cacheBytes: 10, cacheEntries: 2 }
const HOUR_MS = 3_600_000
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** The processes of a gateway: what each one reads next is in `values`. */
function processes(ids: readonly string[]) {
  const bus = new MemoryBus()
  return ids.map((self) => {
    const values = new Map<string, Values>([['demo', none]])
    const others = async () => ids.filter((id) => id !== self)
    const histories = new Histories({
      replicas: { self, others },
      bus,
      readers: { sources: () => [...values], process: () => process },
      log: silent,
    })
    return { histories, values }
  })
}

const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null)

describe('a ring of samples', () => {
  it('has the highest gauge, the lowest health and the sum of the counts of each step, and null without a sample', () => {
    const ring = new SampleRing(sourceColumns)
    ring.add(600, { ...none, up: 1, breaker: Number.NaN, queued: 3, statements: 2 })
    ring.add(601, { ...none, up: 0, breaker: Number.NaN, queued: 1, statements: 5 })
    ring.add(603, { ...none, up: Number.NaN, breaker: 2, queued: 0, statements: 1 })
    expect(ring.series(600, 3, 3)).toMatchObject({
      up: [0, null, null],
      breaker: [null, 2, null],
      queued: [3, 0, null],
      statements: [7, 1, null],
    })
  })

  it('forgets what is older than an hour, also if no sample took its place', () => {
    const ring = new SampleRing(sourceColumns)
    ring.add(600, { ...none, statements: 2 })
    expect(known(ring.series(600, 360, 1).statements)).toEqual([2])
    expect(known(ring.series(960, 360, 1).statements)).toEqual([])
  })

  it('of 20 sources takes less than 2 MiB', () => {
    expect(20 * new SampleRing(sourceColumns).byteLength).toBeLessThan(2 << 20)
  })
})

describe('the history of a gateway', () => {
  // In the middle of a step: no test ends in another one.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1000.5 * SAMPLE_MS })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('adds up the processes: sums of gauges and counts, the worst breaker and health', async () => {
    const [one, two] = processes(['aaaaaaaaaaaa', 'bbbbbbbbbbbb'])
    one!.values.set('demo', { ...none, up: 1, breaker: 0, slotsUsed: 2, statements: 3 })
    two!.values.set('demo', { ...none, up: 0, breaker: 2, slotsUsed: 1, statements: 4 })
    for (const { histories } of [one!, two!]) histories.sample()
    const report = await one!.histories.report({ sources: ['demo', 'unknown'], stepMs: 30_000 })
    expect(report).toMatchObject({ processes: 2, isPartial: false, stepMs: 30_000 })
    const [{ series }, unknown] = report.sources as [(typeof report.sources)[0], (typeof report.sources)[0]]
    expect(series.up).toHaveLength(120)
    expect([series.up, series.breaker, series.slotsUsed, series.statements].map(known)).toEqual([[0], [2], [3], [7]])
    expect(known(unknown.series.up)).toEqual([])
    expect(known(report.process.rssBytes)).toEqual([200])
    expect(known(report.process.eventLoopMs)).toEqual([1])
  })

  it('ends with the present step, whose start is a multiple of the step', async () => {
    const [only] = processes(['aaaaaaaaaaaa'])
    only!.histories.sample()
    for (const stepMs of [SAMPLE_MS, 300_000]) {
      const { startedAt, sources } = await only!.histories.report({ sources: ['demo'], stepMs })
      expect(startedAt % stepMs).toBe(0)
      expect(Date.now() - startedAt).toBeGreaterThan(HOUR_MS - stepMs - 1000)
      expect(sources[0]!.series.queued).toHaveLength(HOUR_MS / stepMs)
      expect(known(sources[0]!.series.queued.slice(-2))).toHaveLength(1)
    }
  })

  it('a source that cannot tell its state costs a sample, and later ones come', async () => {
    // One sample falls into the time that passes.
    vi.useFakeTimers({ now: 1000.5 * SAMPLE_MS })
    let isBroken = true
    const warnings: unknown[] = []
    const sources = () => {
      if (isBroken) throw new Error('in the middle of a change')
      return [['demo', { ...none, queued: 5 }]] as const
    }
    const histories = new Histories({
      replicas: { self: 'aaaaaaaaaaaa', others: async () => [] },
      bus: new MemoryBus(),
      readers: { sources, process: () => process },
      log: { ...silent, warn: (fields) => warnings.push(fields) },
    })
    histories.start()
    isBroken = false
    vi.advanceTimersByTime(SAMPLE_MS + 1000)
    const { sources: all } = await histories.report({ sources: ['demo'], stepMs: SAMPLE_MS })
    expect(known(all[0]!.series.queued)).toEqual([5])
    expect(warnings).toHaveLength(1)
    histories.close()
  })

  it('drops a source that is gone', async () => {
    const [only] = processes(['aaaaaaaaaaaa'])
    only!.histories.sample()
    const before = only!.histories.bytes
    only!.values.clear()
    only!.histories.sample()
    expect(only!.histories.bytes).toBeLessThan(before)
  })
})

it('statements are counted until they are taken, and passed on', () => {
  const passed: unknown[] = []
  const next = {
    onRows: (...of: unknown[]) => passed.push(of),
    onPlanFailed: (...of: unknown[]) => passed.push(of),
    onStatementStart: (...of: unknown[]) => passed.push(of),
    onFirstRows: (...of: unknown[]) => passed.push(of),
    onStatementEnd: (...of: unknown[]) => passed.push(of),
  }
  const counts = new StatementCounts(next)
  counts.onStatementStart('demo')
  counts.onRows('demo', 5, 50)
  counts.onRows('demo', 1, 10)
  counts.onFirstRows('demo', 1)
  counts.onStatementEnd('demo', 'ann', 'OK', 1, 60, undefined)
  counts.onStatementEnd('demo', 'ann', 'CANCELLED', 1, 0, undefined)
  counts.onPlanFailed('demo', 'BAD_SQL')
  expect(counts.take('demo')).toEqual({ statements: 3, failed: 1, rows: 6, bytes: 60 })
  expect(counts.take('demo')).toEqual({ statements: 0, failed: 0, rows: 0, bytes: 0 })
  expect(passed).toHaveLength(7)
})
