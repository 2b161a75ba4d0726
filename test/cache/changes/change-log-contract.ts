import { describe, expect, it } from 'vitest'
import type { ChangeLog, ChangesSince, ReadScope } from '../../../src/cache/changes/change-log.ts'
import type { CacheFilter } from '../../../src/query/cache/cache-admin.ts'

/** A change log as two replicas open it; both are the same object for a gateway of one process. */
export interface LogReplicas {
  readonly one: ChangeLog
  readonly other: ChangeLog
}

const scope: ReadScope = { source: 'demo', tables: ['demo.main.t'], principal: 'ann', tags: ['daily'], key: 'k' }

/** The contract of every change log. Its sources are `demo` and `other`, and both allow writes. */
export function describeChangeLog(name: string, open: () => LogReplicas): void {
  describe(`the change log ${name}`, () => {
    it('tells another replica who changed a table, and since when', async () => {
      const { one, other } = open()
      await one.record({ source: 'demo', tables: ['demo.main.t'], principal: 'bob' })
      const snapshot = await other.snapshot(scope)
      expect(await other.since(scope, snapshot, 'ann')).toEqual({ kind: 'none' })
      await one.record({ source: 'demo', tables: ['demo.main.t'], principal: 'bob' })
      const isBy = async (reader: string) => {
        const since = (await other.since(scope, snapshot, reader)) as Extract<ChangesSince, { kind: 'changed' }>
        expect(since.kind).toBe('changed')
        expect(since.sinceMs).toBeGreaterThanOrEqual(0)
        return since.byReader
      }
      expect(await isBy('ann')).toBe(false)
      expect(await isBy('bob')).toBe(true)
      await other.record({ source: 'demo', tables: undefined, principal: 'carol' })
      expect(await isBy('carol')).toBe(true)
      expect(await one.since(scope, snapshot, 'ann')).toMatchObject({ kind: 'changed', byReader: false })
    })

    it('changes of other sources and other tables do not count; those of unknown tables do', async () => {
      const { one, other } = open()
      const snapshot = await one.snapshot(scope)
      await other.record({ source: 'other', tables: undefined, principal: 'ann' })
      await other.record({ source: 'demo', tables: ['demo.main.u'], principal: 'ann' })
      expect(await one.since(scope, snapshot, 'ann')).toEqual({ kind: 'none' })
      expect(await one.since({ ...scope, tables: undefined }, snapshot, 'ann')).toMatchObject({ kind: 'changed' })
      await other.record({ source: 'demo', tables: undefined, principal: 'bob' })
      expect(await one.since(scope, snapshot, 'ann')).toMatchObject({ kind: 'changed', byReader: false })
    })

    it('clears by everything, source, principal, key and tag, and by all of the members that are present', async () => {
      const { one, other } = open()
      const cleared = async (filter: CacheFilter) => {
        const snapshot = await other.snapshot(scope)
        await one.clear(filter)
        return (await other.since(scope, snapshot, 'ann')).kind === 'cleared'
      }
      for (const filter of [
        {},
        { source: 'demo' },
        { principal: 'ann' },
        { key: 'k' },
        { tag: 'daily', source: 'demo' },
      ])
        expect(await cleared(filter)).toBe(true)
      for (const filter of [{ source: 'other' }, { principal: 'bob' }, { key: 'x' }, { tag: 'x' }])
        expect(await cleared(filter)).toBe(false)
    })

    it('two hundred changes at once all count', async () => {
      const { one, other } = open()
      const snapshot = await one.snapshot(scope)
      const writers = Array.from({ length: 200 }, (_, i) => `p${i}`)
      await Promise.all(
        writers.map((principal, i) =>
          (i % 2 ? one : other).record({ source: 'demo', tables: scope.tables, principal }),
        ),
      )
      for (const reader of ['p0', 'p199']) {
        const since = await one.since(scope, snapshot, reader)
        if (since.kind === 'changed') expect(since.byReader).toBe(true)
        else expect(since.kind).toBe('cleared')
      }
      const later = await other.snapshot(scope)
      expect(
        (await other.since(scope, later, 'p0')).kind === 'none' || later[0]! < (await one.snapshot(scope))[0]!,
      ).toBe(true)
    })
  })
}
