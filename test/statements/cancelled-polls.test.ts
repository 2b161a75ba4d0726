import { describe, expect, it } from 'vitest'
import { ActiveStatements } from '../../src/query/control/active-statements.ts'
import type { Router } from '../../src/query/router.ts'
import { track } from '../../src/query/stages/track.ts'
import { MemoryBus } from '../../src/state/bus.ts'
import { soleReplica } from '../query/sole-replica.ts'
import { waitFor } from '../wait-for.ts'
import { setUp } from './fake-source.ts'

const none = new Uint8Array(0)
const dash = { name: 'dash', roles: ['reader'] }
const cancelled = { code: 'CANCELLED', message: 'The statement was cancelled by another call of dash.' }

/** A polled statement, and the active ones among which it is. */
function begin(sql: string) {
  const router = { named: (name: string) => ({ name }) } as unknown as Router
  const active = new ActiveStatements({
    replicas: soleReplica(),
    bus: new MemoryBus(),
    router,
    principals: () => [],
  })
  const { statements, scope } = setUp({ stages: [track(active)] })
  const { ctx } = scope()
  const query = { source: 'here', sql, session: {}, purpose: 'any' } as const
  const ticket = { id: 'e', statement: { kind: 'read', query }, stored: false } as const
  const poll = { ticket, planned: false, schema: none, request: none }
  const idOf = async () => (await waitFor(() => active.listHere(dash)[0], 'the statement')).id
  return { active, statements, ctx, poll, idOf }
}

describe('a polled statement that another call cancels by its id', () => {
  it('while it runs: polls end with CANCELLED and who cancelled', async () => {
    const { active, statements, ctx, poll, idOf } = begin('hang')
    expect(await statements.polled.begin(poll, ctx)).toMatchObject({ isReady: false })
    await active.cancel(await idOf(), dash)
    await expect(statements.polled.poll(poll, ctx)).rejects.toMatchObject(cancelled)
    expect(active.size).toBe(0)
    statements.background.close()
  })

  it('with rows that no client has fetched: polls end with CANCELLED, and the ticket runs nothing more', async () => {
    const { active, statements, ctx, poll, idOf } = begin('rows 5')
    let answer = await statements.polled.begin(poll, ctx)
    while (!answer.isReady) answer = await statements.polled.poll(answer.poll, ctx)
    await active.cancel(await idOf(), dash)
    await expect(statements.polled.poll(answer.poll, ctx)).rejects.toMatchObject(cancelled)
    await expect.poll(() => active.size).toBe(0)
    expect(await statements.running.isCancelled('e')).toBe(true)
    expect(statements.background.pending).toBe(0)
    statements.background.close()
  })

  it('while a client reads it: the call that reads it ends', async () => {
    const { active, statements, ctx, poll, idOf } = begin('rows 5')
    let answer = await statements.polled.begin(poll, ctx)
    while (!answer.isReady) answer = await statements.polled.poll(answer.poll, ctx)
    const ends: unknown[] = []
    const reading = { ...ctx, reader: { end: (reason: unknown) => ends.push(reason) } }
    const { frames } = await statements.resultOf(answer.poll.ticket, reading)
    const iterator = frames[Symbol.asyncIterator]()
    await iterator.next()
    await active.cancel(await idOf(), dash)
    expect(ends).toEqual([expect.objectContaining(cancelled)])
    await iterator.return?.()
    expect(active.size).toBe(0)
    statements.background.close()
  })
})
