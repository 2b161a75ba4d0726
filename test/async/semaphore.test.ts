import { describe, expect, it } from 'vitest'
import { Semaphore } from '../../src/async/semaphore.ts'

const never = new AbortController().signal

describe('turns', () => {
  it('are given in order, and never more than there are', async () => {
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
    // Ending it again gives nothing away.
    first?.()
    await waiting[0]
    expect([order, turns.waiting]).toEqual([[1], 2])
    second?.()
    ;(await waiting[0])?.()
    await Promise.all(waiting)
    expect([order, turns.waiting, turns.tryTake()]).toEqual([[1, 2, 3], 0, undefined])
  })

  it('pass those who have left', async () => {
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
})
