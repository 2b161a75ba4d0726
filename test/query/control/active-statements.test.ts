import { describe, expect, it } from 'vitest'
import { ActiveStatements } from '../../../src/query/control/active-statements.ts'
import { deriveContext } from '../../../src/query/derive-context.ts'
import type { Router } from '../../../src/query/router.ts'
import { track } from '../../../src/query/stages/track.ts'
import { spanFailure } from '../../../src/query/tracing/span-failure.ts'
import type { Context, PlannedStatement, Principal, Result } from '../../../src/query/types.ts'
import { MemoryBus } from '../../../src/state/bus.ts'
import { contextOf, resultOf } from '../results/batches.ts'
import { soleReplica } from '../sole-replica.ts'

const lena: Principal = { name: 'lena', roles: ['reader'] }
const max: Principal = { name: 'max', roles: ['reader'] }
const ops: Principal = { name: 'ops', roles: ['admin'] }
const router = { named: (name: string) => ({ name: name.toLowerCase() }) } as unknown as Router
const planOf = (sql: string, source = 'demo') =>
  ({ kind: 'read', query: { source, sql, session: {}, purpose: 'read' } }) as PlannedStatement

/** The statements of a replica, with a function that runs one. */
function replica(bus = new MemoryBus()) {
  const active = new ActiveStatements({
    replicas: soleReplica(),
    bus,
    router,
    principals: () => [lena, max, ops],
  })
  const stage = track(active)
  const run = async (sql: string, ctx: Context, next: (ctx: Context) => Promise<Result>, source?: string) =>
    await stage.run!(planOf(sql, source), ctx, (_plan, inner) => next(inner))
  return { active, run }
}

const endless = (ctx: Context) =>
  new Promise<Result>((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))
const onlyOf = ({ active }: ReturnType<typeof replica>) => {
  const all = active.listHere(ops)
  expect(all).toHaveLength(1)
  return all[0]!
}

describe('the active statements', () => {
  it('lists a statement from its start to the end of its result, with the rows and bytes that were read', async () => {
    const here = replica()
    let inner!: Context
    const { frames } = await here.run('SELECT 1', contextOf('lena'), async (ctx) => {
      inner = ctx
      expect(onlyOf(here)).toMatchObject({
        principal: 'lena',
        source: 'demo',
        text: 'SELECT 1',
        state: 'queued',
        rows: 0,
      })
      ctx.trace!.queueWaitMs = 1
      return resultOf(2).result
    })
    const iterator = frames[Symbol.asyncIterator]()
    await iterator.next()
    expect(onlyOf(here)).toMatchObject({ state: 'running', rows: 1, bytes: 10, requestId: 'request' })
    expect(onlyOf(here).id).toBe(inner.trace!.queryId)
    expect(Math.abs(onlyOf(here).startedAt - Date.now())).toBeLessThan(10_000)
    await iterator.next()
    await iterator.next()
    expect(here.active.size).toBe(0)
  })

  it('forgets a statement that fails, and one whose reader leaves', async () => {
    const here = replica()
    await expect(here.run('x', contextOf('lena'), () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(here.active.size).toBe(0)
    const { frames } = await here.run('x', contextOf('lena'), async () => resultOf(2).result)
    await frames[Symbol.asyncIterator]().return?.()
    expect(here.active.size).toBe(0)
  })

  it('shows callers their own statements, and admins all, the oldest first', async () => {
    const here = replica()
    const result = async () => resultOf(1).result
    for (const [sql, name, source] of [
      ['a', 'lena'],
      ['b', 'max', 'lake'],
      ['c', 'lena', 'lake'],
    ] as const)
      await here.run(sql, contextOf(name), result, source)
    const texts = (...of: Parameters<ActiveStatements['listHere']>) =>
      here.active.listHere(...of).map(({ text }) => text)
    expect(texts(lena)).toEqual(['a', 'c'])
    expect(texts(lena, { source: 'LAKE' })).toEqual(['c'])
    expect(texts(lena, { principal: 'lena' })).toEqual(['a', 'c'])
    expect(texts(ops)).toEqual(['a', 'b', 'c'])
    expect(texts(ops, { principal: 'max' })).toEqual(['b'])
    expect(() => texts(lena, { principal: 'max' })).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
    for (const viewer of [lena, ops])
      expect(() => texts(viewer, { principal: 'nobody' })).toThrow(
        expect.objectContaining({ code: viewer === ops ? 'UNKNOWN_PRINCIPAL' : 'FORBIDDEN' }),
      )
  })

  it('shows and lets cancel all statements of the sources that a caller may operate', async () => {
    const here = replica()
    for (const [sql, name, source] of [
      ['a', 'lena'],
      ['b', 'max', 'lake'],
      ['c', 'pia', 'lake'],
    ] as const)
      await here.run(sql, contextOf(name), async () => resultOf(1).result, source)
    const pia = { name: 'pia', roles: [], grants: [{ verbs: ['operate'], sources: ['lake'] }] } as const
    expect(here.active.listHere(pia).map(({ text }) => text)).toEqual(['b', 'c'])
    const [a, b] = here.active.listHere(ops)
    await expect(here.active.cancel(a!.id, pia)).rejects.toMatchObject({ code: 'UNKNOWN_QUERY' })
    await here.active.cancel(b!.id, pia)
    expect(() => here.active.listHere(lena, { principal: 'max' })).toThrow('lena lacks the grant operate on')
  })

  it('shows the first 2,000 characters of a text', async () => {
    const here = replica()
    await here.run('x'.repeat(3000), contextOf('lena'), async () => resultOf(1).result)
    expect(onlyOf(here).text).toHaveLength(2000)
  })

  it('cancel of a statement that waits: its signal aborts with CANCELLED and who cancelled', async () => {
    const here = replica()
    const [own, others] = ['lena', 'lena'].map((name) => here.run('x', contextOf(name), endless))
    const [first, second] = here.active.listHere(ops)
    await here.active.cancel(first!.id, lena)
    const cancelled = await own!.catch((error: unknown) => error)
    expect(cancelled).toMatchObject({
      code: 'CANCELLED',
      message: 'The statement was cancelled by another call of lena.',
    })
    expect(spanFailure(cancelled).isFault).toBe(false)
    await here.active.cancel(second!.id, ops)
    const killed = await others!.catch((error: unknown) => error)
    expect(killed).toMatchObject({
      code: 'CANCELLED',
      message: 'The statement was cancelled by the administrator ops.',
    })
    expect(spanFailure(killed).isFault).toBe(true)
    expect(here.active.size).toBe(0)
  })

  it('cancel of an unread result: the work stops at once, the reader gets CANCELLED at its next pull', async () => {
    const here = replica()
    const { result, ended } = resultOf(5)
    const { frames } = await here.run('x', contextOf('lena'), async () => result)
    const iterator = frames[Symbol.asyncIterator]()
    await iterator.next()
    await here.active.cancel(onlyOf(here).id, lena)
    expect(ended()).toBe(true)
    await expect.poll(() => here.active.size).toBe(0)
    await expect(iterator.next()).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('cancel ends the reader where the front names one, so that a client that does not read gets the error', async () => {
    const here = replica()
    const ends: unknown[] = []
    const ctx = deriveContext(contextOf('lena'), { reader: { end: (reason) => ends.push(reason) } })
    await here.run('x', ctx, async () => resultOf(1).result)
    await here.active.cancel(onlyOf(here).id, lena)
    expect(ends).toEqual([expect.objectContaining({ code: 'CANCELLED' })])
  })

  it("the caller's own signal still ends the statement", async () => {
    const here = replica()
    const caller = new AbortController()
    const running = here.run('x', contextOf('lena', caller.signal), endless)
    caller.abort(new Error('left'))
    await expect(running).rejects.toThrow('left')
    await expect(
      here.run('x', contextOf('lena', caller.signal), async ({ signal }) => {
        signal.throwIfAborted()
        return resultOf(1).result
      }),
    ).rejects.toThrow('left')
  })

  it('cancel of an unknown or foreign statement: UNKNOWN_QUERY, and it goes on', async () => {
    const here = replica()
    await here.run('x', contextOf('lena'), async () => resultOf(1).result)
    const { id } = onlyOf(here)
    for (const [unknown, viewer] of [
      [id, max],
      [`${id}0`, ops],
      ['nonsense', ops],
      ['', ops],
    ] as const)
      await expect(here.active.cancel(unknown, viewer)).rejects.toMatchObject({
        code: 'UNKNOWN_QUERY',
        grpc: 'NOT_FOUND',
      })
    expect(here.active.size).toBe(1)
  })

  it('cancel reaches a statement on another replica, with the same rights', async () => {
    const bus = new MemoryBus()
    const [here, there] = [replica(bus), replica(bus)]
    const running = there.run('x', contextOf('lena'), endless)
    const { id } = onlyOf(there)
    await expect(here.active.cancel(id, max)).rejects.toMatchObject({ code: 'UNKNOWN_QUERY' })
    await here.active.cancel(id, lena)
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect(here.active.cancel(id, lena)).rejects.toMatchObject({ code: 'UNKNOWN_QUERY' })
    // No replica has this name.
    await expect(here.active.cancel('0123456789ab-1', lena)).rejects.toMatchObject({ code: 'UNKNOWN_QUERY' })
  })
})
