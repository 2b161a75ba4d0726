import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { AdaptiveLimiter } from '../../src/query/limits/adaptive-limiter.ts'

const never = new AbortController().signal
const overload = new GatewayError('UPSTREAM_BUSY')

describe('AdaptiveLimiter', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const make = () => new AdaptiveLimiter({ minSlots: 2, maxSlots: 10, maxQueued: 100, queueWaitMs: 1000 })
  const take = async (slots: AdaptiveLimiter, count: number) => {
    const releases = []
    for (let i = 0; i < count; i++) releases.push(await slots.acquire(never))
    return releases
  }

  it('grants the maximum until the engine reports overload, then fewer, never below the minimum', async () => {
    const slots = make()
    await take(slots, 10)
    expect(slots.slots).toBe(10)
    const seen = []
    for (let i = 0; i < 8; i++) {
      vi.advanceTimersByTime(1000)
      slots.onOutcome(overload)
      seen.push(slots.slots)
    }
    expect(seen).toEqual([7, 4, 3, 2, 2, 2, 2, 2])
  })

  it('counts simultaneous overload errors once', async () => {
    const slots = make()
    await take(slots, 10)
    for (let i = 0; i < 5; i++) slots.onOutcome(overload)
    expect(slots.slots).toBe(7)
  })

  it('cuts from the slots in use, not from the unused limit', async () => {
    const slots = make()
    await take(slots, 4)
    slots.onOutcome(overload)
    expect(slots.slots).toBe(2)
  })

  it('grows again when a holder at its share waits for more', async () => {
    const slots = new AdaptiveLimiter({
      minSlots: 1,
      maxSlots: 10,
      maxHeld: (all) => Math.max(1, all - 1),
      maxQueued: 100,
      queueWaitMs: 1000,
    })
    for (let i = 0; i < 3; i++) void slots.acquire(never, 'a')
    slots.onOutcome(overload)
    expect([slots.slots, slots.inUse]).toEqual([2, 3])
    void slots.acquire(never, 'a')
    for (let i = 0; i < 20; i++) slots.onOutcome(undefined)
    expect([slots.slots > 4, slots.inUse]).toEqual([true, 4])
  })

  it('ignores bad SQL, cancels, outages and oversized messages', async () => {
    const slots = make()
    await take(slots, 10)
    for (const code of ['BAD_SQL', 'CANCELLED', 'SOURCE_UNAVAILABLE', 'STALLED', 'UPSTREAM_TOO_LARGE'] as const)
      slots.onOutcome(new GatewayError(code))
    expect(slots.slots).toBe(10)
  })

  it('grows one slot at a time while all are in use, and admits waiters', async () => {
    const slots = make()
    const held = await take(slots, 10)
    slots.onOutcome(overload)
    for (const release of held.slice(7)) release()
    const waiting = slots.acquire(never)
    expect([slots.inUse, slots.queued]).toEqual([7, 1])
    for (let i = 0; i < 7; i++) slots.onOutcome(undefined)
    expect(slots.slots).toBe(7)
    slots.onOutcome(undefined)
    await waiting
    expect([slots.slots, slots.inUse]).toEqual([8, 8])
    // No growth while a slot is free.
    held[0]!()
    for (let i = 0; i < 50; i++) slots.onOutcome(undefined)
    expect(slots.slots).toBe(8)
  })
})
