import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { ConcurrencyLimiter } from '../../src/query/limits/concurrency-limiter.ts'

const never = new AbortController().signal

describe('ConcurrencyLimiter', () => {
  it('serves waiters in order of arrival, and counts slots in use and queued', async () => {
    const slots = new ConcurrencyLimiter({ slots: 1, maxQueued: 10, queueWaitMs: 10_000 })
    const order: number[] = []
    const first = await slots.acquire(never)
    const waiting = [1, 2, 3].map(async (n) => {
      const release = await slots.acquire(never)
      order.push(n)
      release()
    })
    expect(slots.queued).toBe(3)
    first()
    first()
    await Promise.all(waiting)
    expect(order).toEqual([1, 2, 3])
    expect(slots.inUse).toBe(0)
    expect(slots.queued).toBe(0)
  })

  it('queue full: refuses at once with QUEUE_FULL', async () => {
    const slots = new ConcurrencyLimiter({ slots: 1, maxQueued: 1, queueWaitMs: 10_000 })
    const release = await slots.acquire(never)
    const waiting = slots.acquire(never)
    await expect(slots.acquire(never)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    release()
    ;(await waiting)()
    expect(slots.inUse).toBe(0)
  })

  it('serves the holder with the fewest slots first, equal holders in turn', async () => {
    const slots = new ConcurrencyLimiter({ slots: 2, maxQueued: 100, queueWaitMs: 10_000 })
    const held = [await slots.acquire(never, 'a'), await slots.acquire(never, 'a')]
    const order: string[] = []
    const waiting = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map(async (name) => {
      const release = await slots.acquire(never, name[0]!)
      order.push(name)
      held.push(release)
    })
    while (held.length > 0) {
      held.shift()!()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(waiting)
    expect(order).toEqual(['b1', 'a1', 'c1', 'b2', 'a2', 'a3'])
    expect([slots.inUse, slots.queued]).toEqual([0, 0])
  })

  it('one holder queues many statements: slots above its share stay free for others', async () => {
    const slots = new ConcurrencyLimiter({ slots: 4, maxHeld: (all) => all - 1, maxQueued: 100, queueWaitMs: 10_000 })
    const greedy = Array.from({ length: 50 }, () => slots.acquire(never, 'greedy'))
    expect([slots.inUse, slots.queued]).toEqual([3, 47])
    const release = await slots.acquire(never, 'modest')
    release()
    expect([slots.inUse, slots.queued]).toEqual([3, 47])
    for (const each of greedy) (await each)()
    expect([slots.inUse, slots.queued]).toEqual([0, 0])
  })

  it('queue full: the holder with the most waiting loses its last request to a new holder', async () => {
    const slots = new ConcurrencyLimiter({ slots: 1, maxQueued: 4, queueWaitMs: 10_000 })
    const release = await slots.acquire(never, 'greedy')
    const ends: string[] = []
    const wait = (name: string) =>
      slots.acquire(never, name).then(
        (free) => {
          ends.push(name)
          free()
        },
        ({ code }) => ends.push(`${name}: ${code}`),
      )
    const waiting = ['greedy', 'greedy', 'greedy', 'greedy', 'greedy', 'modest', 'modest', 'modest'].map(wait)
    await new Promise((resolve) => setImmediate(resolve))
    const refused = ['greedy: QUEUE_FULL', 'greedy: QUEUE_FULL', 'greedy: QUEUE_FULL', 'modest: QUEUE_FULL']
    expect([...ends].sort()).toEqual(refused)
    release()
    await Promise.all(waiting)
    expect(ends.slice(refused.length).sort()).toEqual(['greedy', 'greedy', 'modest', 'modest'])
    expect([slots.inUse, slots.queued]).toEqual([0, 0])
  })

  it('wait limit reached: QUEUE_TIMEOUT', async () => {
    const slots = new ConcurrencyLimiter({ slots: 1, maxQueued: 5, queueWaitMs: 10 })
    const release = await slots.acquire(never)
    await expect(slots.acquire(never)).rejects.toMatchObject({ code: 'QUEUE_TIMEOUT', grpc: 'RESOURCE_EXHAUSTED' })
    expect(slots.queued).toBe(0)
    release()
  })

  it('waiter is cancelled: it leaves the queue at once and takes no slot', async () => {
    const slots = new ConcurrencyLimiter({ slots: 1, maxQueued: 5, queueWaitMs: 10_000 })
    const release = await slots.acquire(never)
    const controller = new AbortController()
    const waiting = slots.acquire(controller.signal)
    const reason = new GatewayError('CANCELLED')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(slots.queued).toBe(0)
    release()
    expect(slots.inUse).toBe(0)
    await expect(slots.acquire(controller.signal)).rejects.toBe(reason)
  })
})
