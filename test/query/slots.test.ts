import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { Slots } from '../../src/query/slots.ts'

const never = new AbortController().signal

describe('Slots', () => {
  it('serves waiters in the order they came and counts right', async () => {
    const slots = new Slots({ slots: 1, maxQueued: 10, queueWaitMs: 10_000 })
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

  it('refuses at once when the queue is full', async () => {
    const slots = new Slots({ slots: 1, maxQueued: 1, queueWaitMs: 10_000 })
    const release = await slots.acquire(never)
    const waiting = slots.acquire(never)
    await expect(slots.acquire(never)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    release()
    ;(await waiting)()
    expect(slots.inUse).toBe(0)
  })

  it('ends the wait at its limit', async () => {
    const slots = new Slots({ slots: 1, maxQueued: 5, queueWaitMs: 10 })
    const release = await slots.acquire(never)
    await expect(slots.acquire(never)).rejects.toMatchObject({ code: 'QUEUE_TIMEOUT', grpc: 'RESOURCE_EXHAUSTED' })
    expect(slots.queued).toBe(0)
    release()
  })

  it('lets a cancelled waiter go at once, without taking a slot', async () => {
    const slots = new Slots({ slots: 1, maxQueued: 5, queueWaitMs: 10_000 })
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
