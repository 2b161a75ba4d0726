import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MAX_LABELS, OTHER_LABELS } from '../../../src/cost/ledger/labels.ts'
import type { Account, BudgetLimit, Ledger, Reservation } from '../../../src/cost/ledger/ledger.ts'

/** A ledger under test, which can be opened again as another process would. */
export interface LedgerPlace {
  open(): Promise<Ledger>
  close(): Promise<void>
}

/** Noon of a day in Los Angeles. */
const NOON = Date.parse('2026-11-28T12:00:00-08:00')
const HOUR_MS = 3_600_000
const gateway: Account = { kind: 'gateway', name: '' }
const job = { project: 'p', location: 'US', jobId: 'j' }

/** What every implementation of `Ledger` has to do. */
export function describeLedger(name: string, place: () => Promise<LedgerPlace>): void {
  describe(`${name}: the contract of a ledger`, () => {
    let at: LedgerPlace
    let ledger: Ledger
    let last = 0
    beforeAll(async () => {
      at = await place()
      ledger = await at.open()
    })
    afterAll(async () => {
      await ledger.close()
      await at.close()
    })

    /** A reservation of a source that no other test uses. */
    const reservation = (changes: Partial<Reservation> = {}): Reservation => {
      const id = `r${++last}`
      return {
        id,
        source: `source-${id}`,
        principal: `principal-${id}`,
        groups: [],
        statement: { hash: `hash-${id}` },
        nanoUsd: 100,
        bytes: 1000,
        at: NOON,
        expiresAt: NOON + HOUR_MS,
        ...changes,
      }
    }
    const ofSource = (source: string, maxNanoUsd: number, period: 'day' | 'month' = 'month'): BudgetLimit => ({
      account: { kind: 'source', name: source },
      period,
      maxNanoUsd,
    })
    const balanceOf = async (account: Account, when = NOON, period: 'day' | 'month' = 'month') => {
      const [balance] = await ledger.balances([{ account, period }], when)
      return [balance!.spentNanoUsd, balance!.reservedNanoUsd]
    }
    const sourceOf = ({ source }: Reservation): Account => ({ kind: 'source', name: source })

    it('reserves, settles and keeps the sums of the gateway, the source, the principal and each group', async () => {
      const one = reservation({ groups: ['analysts', 'finance'] })
      const [spent] = await balanceOf(gateway)
      const { refusedBy, balances } = await ledger.reserve(one, [ofSource(one.source, 100)])
      expect(refusedBy).toBeUndefined()
      expect(balances).toEqual([{ spentNanoUsd: 0, reservedNanoUsd: 100 }])
      expect(await ledger.submitted(one.id, job, NOON + HOUR_MS)).toBe(true)
      await ledger.settle(one.id, { nanoUsd: 60, billedBytes: 600, slotMs: 7, at: NOON })
      for (const account of [
        sourceOf(one),
        { kind: 'principal', name: one.principal } as const,
        { kind: 'group', name: 'analysts' } as const,
        { kind: 'group', name: 'finance' } as const,
      ])
        expect(await balanceOf(account)).toEqual([60, 0])
      expect((await balanceOf(gateway))[0]).toBe(spent! + 60)
      expect(await balanceOf(sourceOf(one), NOON, 'day')).toEqual([60, 0])
      expect(await balanceOf(sourceOf(one), NOON + 24 * HOUR_MS, 'day')).toEqual([0, 0])
      expect(await ledger.entries([one.id, 'unknown'])).toEqual([
        { id: one.id, state: 'settled', nanoUsd: 60, billedBytes: 600, source: one.source, at: NOON },
      ])
    })

    it('refuses what a limit does not hold, tells which, and reserves nothing then', async () => {
      const one = reservation()
      const limits = [ofSource(one.source, 1000), ofSource(one.source, 150, 'day')]
      await ledger.reserve(one, limits)
      const two = reservation({ source: one.source })
      expect(await ledger.reserve(two, limits)).toEqual({
        refusedBy: 1,
        balances: [
          { spentNanoUsd: 0, reservedNanoUsd: 100 },
          { spentNanoUsd: 0, reservedNanoUsd: 100 },
        ],
      })
      expect(await balanceOf(sourceOf(one))).toEqual([0, 100])
      expect(await ledger.entries([two.id])).toEqual([])
      const free = reservation({ source: one.source, nanoUsd: 0 })
      expect((await ledger.reserve(free, [ofSource(one.source, 0)])).refusedBy).toBeUndefined()
      expect((await ledger.reserve(reservation({ source: one.source, nanoUsd: 50 }), limits)).refusedBy).toBeUndefined()
    })

    it('50 reservations at the same time against a budget for 10: 10 are made, by two ledgers', async () => {
      const other = await at.open()
      const { source } = reservation()
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          (i % 2 ? ledger : other).reserve(reservation({ source }), [ofSource(source, 1050)]),
        ),
      )
      expect(outcomes.filter(({ refusedBy }) => refusedBy === undefined)).toHaveLength(10)
      expect(await balanceOf({ kind: 'source', name: source })).toEqual([0, 1000])
      await other.close()
    })

    it('each call may be repeated', async () => {
      const one = reservation()
      const limits = [ofSource(one.source, 100)]
      for (let i = 0; i < 2; i++) expect((await ledger.reserve(one, limits)).refusedBy).toBeUndefined()
      for (let i = 0; i < 2; i++) expect(await ledger.submitted(one.id, job, NOON + HOUR_MS)).toBe(true)
      for (let i = 0; i < 2; i++) await ledger.settle(one.id, { nanoUsd: 70, billedBytes: 7, at: NOON })
      await ledger.release(one.id)
      await ledger.settle(one.id, { nanoUsd: 99, billedBytes: 9, at: NOON })
      expect(await balanceOf(sourceOf(one))).toEqual([70, 0])
      const two = reservation()
      await ledger.reserve(two, [])
      for (let i = 0; i < 2; i++) await ledger.release(two.id)
      await ledger.settle(two.id, { nanoUsd: 99, billedBytes: 9, at: NOON })
      expect(await balanceOf(sourceOf(two))).toEqual([0, 0])
      expect(await ledger.submitted(two.id, job, NOON + HOUR_MS)).toBe(false)
      await ledger.release('unknown')
      await ledger.settle('unknown', { nanoUsd: 1, billedBytes: 1, at: NOON })
      expect(await ledger.submitted('unknown', job, NOON + HOUR_MS)).toBe(false)
    })

    it('an expired reservation counts as spent if it was submitted, and is given back if not', async () => {
      const submitted = reservation()
      const waiting = reservation()
      for (const each of [submitted, waiting]) await ledger.reserve(each, [])
      await ledger.submitted(submitted.id, job, NOON + HOUR_MS)
      await ledger.reserve(reservation({ at: NOON + 2 * HOUR_MS, expiresAt: NOON + 9 * HOUR_MS }), [])
      expect(await balanceOf(sourceOf(submitted))).toEqual([100, 0])
      expect(await balanceOf(sourceOf(waiting))).toEqual([0, 0])
      expect(await ledger.submitted(waiting.id, job, NOON + 9 * HOUR_MS)).toBe(false)
      await ledger.release(submitted.id)
      expect(await balanceOf(sourceOf(submitted))).toEqual([100, 0])
      expect((await ledger.open(1000)).map(({ id }) => id)).toContain(submitted.id)
      await ledger.settle(submitted.id, { nanoUsd: 30, billedBytes: 300, at: NOON })
      expect(await balanceOf(sourceOf(submitted))).toEqual([30, 0])
      expect((await ledger.open(1000)).map(({ id }) => id)).not.toContain(submitted.id)
    })

    it('lists submitted reservations with their jobs, also after it was opened again', async () => {
      const one = reservation({ groups: ['g'], label: 'nightly', statement: { hash: 'h', text: 'SELECT 1' } })
      await ledger.reserve(one, [])
      expect((await ledger.open(1000)).map(({ id }) => id)).not.toContain(one.id)
      await ledger.submitted(one.id, job, NOON + 5 * HOUR_MS)
      const again = await at.open()
      const { expiresAt: _, ...rest } = one
      expect((await again.open(1000)).find(({ id }) => id === one.id)).toMatchObject({ ...rest, job })
      await again.close()
      await ledger.settle(one.id, { nanoUsd: 0, billedBytes: 0, at: NOON })
    })

    it('a correction replaces what was settled or released', async () => {
      const one = reservation()
      await ledger.reserve(one, [])
      await ledger.settle(one.id, { nanoUsd: 70, billedBytes: 700, at: NOON })
      await ledger.correct(one.id, { nanoUsd: 90, billedBytes: 900, at: NOON })
      expect(await balanceOf(sourceOf(one))).toEqual([90, 0])
      const two = reservation()
      await ledger.reserve(two, [])
      await ledger.release(two.id)
      await ledger.correct(two.id, { nanoUsd: 40, billedBytes: 400, at: NOON })
      expect(await balanceOf(sourceOf(two))).toEqual([40, 0])
    })

    it('days and months are those of the billing time zone', async () => {
      const lastSecond = Date.parse('2026-11-30T23:59:59-08:00')
      const one = reservation({ at: lastSecond, expiresAt: lastSecond + HOUR_MS })
      const limits = [ofSource(one.source, 100)]
      await ledger.reserve(one, limits)
      await ledger.settle(one.id, { nanoUsd: 100, billedBytes: 1, at: lastSecond })
      const late = reservation({ ...one, id: `${one.id}b` })
      expect((await ledger.reserve(late, limits)).refusedBy).toBe(0)
      const next = lastSecond + 1000
      expect((await ledger.reserve({ ...late, at: next, expiresAt: next + HOUR_MS }, limits)).refusedBy).toBeUndefined()
      expect(await balanceOf(sourceOf(one), lastSecond)).toEqual([100, 0])
      expect(await balanceOf(sourceOf(one), next)).toEqual([0, 100])
    })

    it('a mark is passed once', async () => {
      const other = await at.open()
      const passed = await Promise.all(
        [ledger, other, ledger, other].map((each) => each.mark('gateway:month:0.5', NOON)),
      )
      expect(passed.filter(Boolean)).toHaveLength(1)
      expect(await ledger.mark('gateway:month:0.8', NOON)).toBe(true)
      await other.close()
    })

    it('sums up the usage, and tells the most expensive statements', async () => {
      const day = Date.parse('2026-10-05T12:00:00-07:00')
      const of = { source: 'shop', principal: 'ann', at: day, expiresAt: day + HOUR_MS }
      const texts = ['a', 'a', 'b']
      for (const [i, hash] of texts.entries()) {
        const one = reservation({ ...of, statement: { hash, text: `SELECT '${hash}'` }, groups: ['g1', 'g2'] })
        await ledger.reserve(one, [])
        await ledger.settle(one.id, { nanoUsd: 10 + i, billedBytes: 100, slotMs: 5, cacheHit: i === 2, at: day })
      }
      const other = reservation({ ...of, principal: 'bob', at: day + 24 * HOUR_MS, expiresAt: day + 25 * HOUR_MS })
      await ledger.reserve(other, [])
      await ledger.settle(other.id, { nanoUsd: 7, billedBytes: 50, at: day })
      const days = { fromDay: '2026-10-01', toDay: '2026-10-31', source: 'shop' }
      const figures = { statements: 3, nanoUsd: 33, billedBytes: 300, slotMs: 15, cacheHits: 1 }
      expect(await ledger.usage({ ...days, by: ['principal', 'day'] })).toEqual([
        { principal: 'ann', day: '2026-10-05', ...figures },
        { principal: 'bob', day: '2026-10-06', statements: 1, nanoUsd: 7, billedBytes: 50, slotMs: 0, cacheHits: 0 },
      ])
      expect(await ledger.usage({ ...days, by: ['group'] })).toEqual([
        { group: 'g1', ...figures },
        { group: 'g2', ...figures },
      ])
      expect(await ledger.usage({ ...days, toDay: '2026-10-05', by: [] })).toEqual([figures])
      expect(await ledger.top({ ...days, group: 'g1' }, 5)).toEqual([
        { hash: 'a', text: "SELECT 'a'", source: 'shop', principal: 'ann', runs: 2, nanoUsd: 21, billedBytes: 200 },
        { hash: 'b', text: "SELECT 'b'", source: 'shop', principal: 'ann', runs: 1, nanoUsd: 12, billedBytes: 100 },
      ])
      expect((await ledger.top({ ...days, principal: 'bob' }, 1)).map(({ nanoUsd }) => nanoUsd)).toEqual([7])
    })

    it('sums up by label, and tells the most expensive statements of a label', async () => {
      const of = { source: 'labelled', principal: 'ann', groups: ['g'] }
      const spent = async (nanoUsd: number, label?: string) => {
        const one = reservation({ ...of, statement: { hash: 'h' }, ...(label !== undefined && { label }) })
        await ledger.reserve(one, [])
        await ledger.settle(one.id, { nanoUsd, billedBytes: 10, at: NOON })
      }
      await spent(1)
      await spent(2, 'etl')
      await spent(3, 'etl')
      await spent(4, 'report')
      const days = { fromDay: '2026-11-01', toDay: '2026-11-30', source: 'labelled' }
      const costs = async (selection: object) =>
        (await ledger.usage({ ...days, by: ['label'], ...selection })).map(({ label, nanoUsd }) => [label, nanoUsd])
      const all = [
        ['', 1],
        ['etl', 5],
        ['report', 4],
      ]
      expect(await costs({})).toEqual(all)
      expect(await costs({ group: 'g' })).toEqual(all)
      expect(await costs({ label: 'etl' })).toEqual([['etl', 5]])
      expect(await ledger.usage({ ...days, label: 'etl', by: ['group'] })).toMatchObject([{ group: 'g', nanoUsd: 5 }])
      expect(await ledger.usage({ ...days, by: [] })).toMatchObject([{ statements: 4, nanoUsd: 10 }])
      expect(await ledger.top(days, 5)).toMatchObject([{ hash: 'h', runs: 4, nanoUsd: 10, billedBytes: 40 }])
      expect(await ledger.top({ ...days, label: 'etl' }, 5)).toMatchObject([{ hash: 'h', runs: 2, nanoUsd: 5 }])
    })

    it('keeps a bounded number of labels for a principal and day; further ones count together', async () => {
      const of = { source: 'many-labels', principal: 'ann-of-many-labels' }
      for (let i = 0; i < MAX_LABELS + 3; i++) {
        const one = reservation({ ...of, label: `label-${i}` })
        await ledger.reserve(one, [])
        await ledger.settle(one.id, { nanoUsd: 1, billedBytes: 1, at: NOON })
      }
      const again = reservation({ ...of, label: 'label-0' })
      await ledger.reserve(again, [])
      await ledger.settle(again.id, { nanoUsd: 1, billedBytes: 1, at: NOON })
      const days = { fromDay: '2026-11-01', toDay: '2026-11-30', source: of.source }
      const rows = await ledger.usage({ ...days, by: ['label'] })
      expect(rows).toHaveLength(MAX_LABELS + 1)
      const statementsOf = (name: string) => rows.find(({ label }) => label === name)?.statements
      expect([statementsOf(OTHER_LABELS), statementsOf('label-0')]).toEqual([3, 2])
    })
  })
}
