import { describe, expect, it } from 'vitest'
import { Semaphore } from '../../src/async/semaphore.ts'

const never = new AbortController().signal

describe('Semaphore', () => {
  it('grants permits in order, never more than it has', async () => {
    const turns = new Semaphore(2)
    const [first, second] = [turns.tryTake(), turns.tryTake()]
    expect([typeof first, typeof second, turns.tryTake()]).toEqual(['function', 'function', undefined])
    const order: number[] = []
    const waiting = [1, 2, 3].map(async (i) => {
      const end = await turns.take(never, 60_000)
      order.push(i)
      return end
    })
    expect(turns.waiting).toBe(3)
    first?.()
    // Releasing a second time frees no further permit.
    first?.()
    await waiting[0]
    expect([order, turns.waiting]).toEqual([[1], 2])
    second?.()
    ;(await waiting[0])?.()
    await Promise.all(waiting)
    expect([order, turns.waiting, turns.tryTake()]).toEqual([[1, 2, 3], 0, undefined])
  })

  it('skips waiters that were aborted or timed out', async () => {
    const turns = new Semaphore(1)
    const end = turns.tryTake()
    const leaving = new AbortController()
    const left = turns.take(leaving.signal, 60_000)
    const late = turns.take(never, 1)
    const staying = turns.take(never, 60_000)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    expect(await late).toBeUndefined()
    expect(turns.waiting).toBe(1)
    end?.()
    expect(await staying).toBeTypeOf('function')
    await expect(turns.take(leaving.signal, 1)).rejects.toThrow('left')
  })

  it('grants the holder with the fewest permits first, none above its share, also after a resize', async () => {
    const turns = new Semaphore(2, (permits) => Math.max(1, permits - 1))
    const order: string[] = []
    const ends = new Map<string, (() => void) | undefined>()
    const all = ['a1', 'a2', 'a3', 'b1', 'b2'].map(async (name) => {
      ends.set(name, await turns.take(undefined, 60_000, name[0]))
      order.push(name)
    })
    await Promise.all([all[0], all[3]])
    expect([order, turns.waiting, turns.richest]).toEqual([['a1', 'b1'], 3, undefined])
    turns.resize(3)
    await all[1]
    expect([order.at(-1), turns.waiting, turns.isFree('a'), turns.isFree('c')]).toEqual(['a2', 2, false, false])
    expect(turns.richest).toBe('a')
    // A full queue refuses the last request of the holder that has more waiting than the new one.
    expect(turns.refuseLast('c', new Error('full'))).toBe(false)
    void turns.take(undefined, 60_000, 'a').catch((error: Error) => order.push(error.message))
    expect(turns.refuseLast('c', new Error('full'))).toBe(true)
    await expect.poll(() => order.at(-1)).toBe('full')
    ends.get('a1')?.()
    await all[4]
    expect([order.at(-1), turns.inUse, turns.waiting]).toEqual(['b2', 3, 1])
  })
})
