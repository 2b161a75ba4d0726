import { expect, it } from 'vitest'
import type { ReadScope } from '../../../src/cache/changes/change-log.ts'
import { MemoryChangeLog } from '../../../src/cache/changes/memory-change-log.ts'
import { SharedChangeLog } from '../../../src/cache/changes/shared-change-log.ts'
import { MemoryBus } from '../../../src/state/bus.ts'
import { MemoryStore } from '../../../src/state/memory.ts'
import { describeChangeLog } from './change-log-contract.ts'

const scope: ReadScope = { source: 'demo', tables: undefined, principal: 'ann', tags: [] }
const sources = [
  { name: 'demo', writes: true },
  { name: 'other', writes: true },
  { name: 'fixed', writes: false },
]
const change = { source: 'demo', tables: undefined, principal: 'bob' }

/** A bus that loses every message. */
class LostBus extends MemoryBus {
  override async publish(): Promise<void> {}
}

function replicas(bus = new MemoryBus(), store = new MemoryStore(1 << 20)) {
  const clock = { now: 1_000_000 }
  const open = () => new SharedChangeLog({ store, bus, sources: () => sources, now: () => clock.now })
  return { one: open(), other: open(), open, clock, store }
}

describeChangeLog('of one process', () => {
  const log = new MemoryChangeLog()
  return { one: log, other: log }
})
describeChangeLog('of replicas', () => replicas())
describeChangeLog('of replicas whose messages are lost', () => replicas(new LostBus()))

it('a replica that hears nothing of a change for long does not take it for a new one', async () => {
  const { one, other, clock } = replicas(new LostBus())
  const snapshot = await other.snapshot(scope)
  clock.now += 1000
  await other.since(scope, snapshot, 'ann')
  await one.record(change)
  clock.now += 600_000
  // The clock of the process has not gone on, so the change looks new; it cannot be older than the last look.
  const since = await other.since(scope, snapshot, 'ann')
  expect(since).toMatchObject({ kind: 'changed', byReader: false })
  expect(since.kind === 'changed' && since.sinceMs).toBeGreaterThanOrEqual(5000)
})

it('a store that has lost its data clears what was stored before', async () => {
  const { one, other, store } = replicas()
  const before = await one.snapshot(scope)
  await store.close()
  await other.record(change)
  expect(await one.since(scope, before, 'ann')).toEqual({ kind: 'cleared' })
  expect(await one.since(scope, await one.snapshot(scope), 'ann')).toEqual({ kind: 'none' })
})

it('a store that loses its data twice is never taken for the one before', async () => {
  const { one, other, store } = replicas(new LostBus())
  await one.snapshot(scope)
  await other.snapshot(scope)
  for (let i = 0; i < 3; i++) {
    await store.close()
    await one.record(change)
    await other.since(scope, await other.snapshot(scope), 'ann')
    const before = await other.snapshot(scope)
    await one.since(scope, before, 'ann')
    const ownBefore = await one.snapshot(scope)
    await store.close()
    await one.record(change)
    expect(await other.since(scope, before, 'ann')).toEqual({ kind: 'cleared' })
    expect(await one.since(scope, ownBefore, 'bob')).toEqual({ kind: 'cleared' })
  }
})

it('a counter that goes back a little never reaches again what snapshots hold', async () => {
  const { one, other, store } = replicas(new LostBus())
  for (let i = 0; i < 3; i++) await one.record(change)
  await other.since(scope, await other.snapshot(scope), 'ann')
  const before = await other.snapshot(scope)
  // A replica of the store that missed the last changes takes over.
  await store.increment('cache:changes:demo', -2, 60_000)
  await other.since(scope, before, 'ann')
  for (let i = 0; i < 4; i++) await one.record(change)
  expect(await other.since(scope, before, 'ann')).toEqual({ kind: 'cleared' })
})

it('a change that is stored after others failed stands for them, whoever made them', async () => {
  const { one, store } = replicas()
  const ofOrders = { ...scope, tables: ['orders'] }
  const snapshot = await one.snapshot(ofOrders)
  const { increment } = store
  store.increment = async () => {
    throw new Error('down')
  }
  await expect(one.record({ ...change, principal: 'ann', tables: ['orders'] })).rejects.toThrow('down')
  store.increment = increment
  await one.record({ ...change, tables: ['other'] })
  expect(await one.since(ofOrders, snapshot, 'ann')).toMatchObject({ kind: 'changed', byReader: true })
  const later = await one.snapshot(ofOrders)
  await one.record({ ...change, tables: ['other'] })
  expect(await one.since(ofOrders, later, 'ann')).toEqual({ kind: 'none' })
})

it('a replica that missed many changes clears; an event that is missing or damaged clears', async () => {
  const { one, other, store } = replicas(new LostBus())
  const before = await other.snapshot(scope)
  for (let i = 0; i < 100; i++) await one.record(change)
  expect(await other.since(scope, before, 'ann')).toEqual({ kind: 'cleared' })
  const [revision] = await other.snapshot(scope)
  await one.record(change)
  await store.set(`cache:change:demo:${revision! + 1}`, Buffer.from('{'), 60_000)
  expect(await other.since(scope, [revision!], 'ann')).toEqual({ kind: 'cleared' })
  await one.record(change)
  await store.delete(`cache:change:demo:${revision! + 2}`)
  expect(await other.since(scope, [revision! + 1], 'ann')).toEqual({ kind: 'cleared' })
})

it('while a change is not in the store, this replica does not answer; a source without writes is not asked for', async () => {
  const { one, store } = replicas()
  const snapshot = await one.snapshot(scope)
  const fixed = { ...scope, source: 'fixed' }
  const ofFixed = await one.snapshot(fixed)
  const { increment } = store
  store.increment = async () => {
    throw new Error('down')
  }
  await expect(one.record(change)).rejects.toThrow('down')
  expect(await one.since(fixed, ofFixed, 'ann')).toEqual({ kind: 'none' })
  await expect(one.since(scope, snapshot, 'ann')).rejects.toThrow('down')
  store.increment = increment
  await expect(one.since(scope, snapshot, 'ann')).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' })
  await one.record(change)
  expect(await one.since(scope, snapshot, 'ann')).toMatchObject({ kind: 'changed' })
})

it('looks at the same time share a look that began after they came', async () => {
  const { one, store } = replicas(new LostBus())
  const snapshot = await one.snapshot(scope)
  let looks = 0
  const { increment } = store
  store.increment = async (...args) => {
    looks++
    await new Promise((resolve) => setTimeout(resolve, 5))
    return await increment.apply(store, args)
  }
  await Promise.all(Array.from({ length: 100 }, async () => await one.since(scope, snapshot, 'ann')))
  expect(looks).toBe(2)
})

it.each([
  ['hears of a clear', new MemoryBus()],
  ['finds a clear at its next look, when the message is lost', new LostBus()],
])('a replica %s: it is told once', async (_what, bus) => {
  const { one, other } = replicas(bus)
  const cleared: unknown[] = []
  const snapshot = await other.snapshot(scope)
  other.onClear((filter) => cleared.push(filter))
  await one.clear({ tag: 'sales' })
  await other.since(scope, snapshot, 'ann')
  expect(cleared).toEqual([{ tag: 'sales', source: 'demo' }])
})
