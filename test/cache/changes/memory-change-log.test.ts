import { expect, it } from 'vitest'
import type { ReadScope } from '../../../src/cache/changes/change-log.ts'
import { MemoryChangeLog } from '../../../src/cache/changes/memory-change-log.ts'

const scope: ReadScope = { source: 'demo', tables: ['demo.main.t'], principal: 'ann', tags: ['daily'], key: 'k' }

function logOf() {
  const clock = { now: 1000 }
  return { clock, log: new MemoryChangeLog(() => clock.now) }
}

it('tells who changed a table, and when for the first time since the snapshot', async () => {
  const { clock, log } = logOf()
  await log.record({ source: 'demo', tables: ['demo.main.t'], principal: 'bob' })
  const snapshot = log.snapshot(scope)
  expect(log.since(scope, snapshot, 'ann')).toEqual({ kind: 'none' })
  clock.now += 1000
  await log.record({ source: 'demo', tables: ['demo.main.t'], principal: 'bob' })
  clock.now += 5000
  await log.record({ source: 'demo', tables: undefined, principal: 'carol' })
  expect(log.since(scope, snapshot, 'ann')).toEqual({ kind: 'changed', sinceMs: 5000, byReader: false })
  expect(log.since(scope, snapshot, 'bob')).toEqual({ kind: 'changed', sinceMs: 5000, byReader: true })
  expect(log.since(scope, snapshot, 'carol')).toEqual({ kind: 'changed', sinceMs: 5000, byReader: true })
})

it('other sources and other tables do not count; unknown ones do', async () => {
  const { log } = logOf()
  const snapshot = log.snapshot(scope)
  await log.record({ source: 'other', tables: undefined, principal: 'ann' })
  await log.record({ source: 'demo', tables: ['demo.main.u'], principal: 'ann' })
  expect(log.since(scope, snapshot, 'ann')).toEqual({ kind: 'none' })
  const { kind } = log.since({ ...scope, tables: undefined }, snapshot, 'ann')
  expect(kind).toBe('changed')
})

it('clears by everything, source, principal, key and tag, and by all of the members that are present', async () => {
  const { log } = logOf()
  const cleared = async (filter: Parameters<typeof log.clear>[0]) => {
    const snapshot = log.snapshot(scope)
    await log.clear(filter)
    return log.since(scope, snapshot, 'ann').kind === 'cleared'
  }
  for (const filter of [{}, { source: 'demo' }, { principal: 'ann' }, { key: 'k' }, { tag: 'daily', source: 'demo' }])
    expect(await cleared(filter)).toBe(true)
  for (const filter of [
    { source: 'x' },
    { principal: 'bob' },
    { key: 'x' },
    { tag: 'x' },
    { tag: 'daily', source: 'x' },
  ])
    expect(await cleared(filter)).toBe(false)
})

it('a thousand changes take bounded memory and never look later than they were, or by fewer principals', async () => {
  const { clock, log } = logOf()
  const snapshots: { at: number; snapshot: readonly number[]; first: number | undefined; by: Set<string> }[] = []
  for (let i = 0; i < 1000; i++) {
    snapshots.push({ at: clock.now, snapshot: log.snapshot(scope), first: undefined, by: new Set() })
    clock.now += (i * 7919) % 2000
    const principal = `p${i % 30}`
    for (const each of snapshots) {
      each.first ??= clock.now
      each.by.add(principal)
    }
    await log.record({ source: 'demo', tables: i % 3 ? ['demo.main.t'] : undefined, principal })
  }
  for (const { snapshot, first, by } of snapshots)
    for (const reader of ['p0', 'p29', 'nobody']) {
      const found = log.since(scope, snapshot, reader)
      expect(found.kind).toBe('changed')
      if (found.kind !== 'changed') continue
      expect(found.sinceMs).toBeGreaterThanOrEqual(clock.now - first!)
      if (by.has(reader)) expect(found.byReader).toBe(true)
    }
})
