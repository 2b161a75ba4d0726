import { describe, expect, it } from 'vitest'
import { holding, type ResultObserver, type StopResult } from '../../../src/query/results/holding.ts'
import { resultOf, rowsOf } from './batches.ts'

/** An observer that records each end, and the function that stops its result. */
class Noted implements ResultObserver {
  readonly ends: Parameters<ResultObserver['onEnd']>[] = []
  readonly batches: [number, number][] = []
  stop: StopResult = () => {}
  onStart = (stop: StopResult) => {
    this.stop = stop
  }
  onBatch = (rows: number, bytes: number) => {
    this.batches.push([rows, bytes])
  }
  onEnd = (...end: Parameters<ResultObserver['onEnd']>) => {
    this.ends.push([end[0], end[1], { ...end[2] }])
  }
}

describe('a stage that holds something for a statement', () => {
  it('statement fails before it has a result: the hold is released', async () => {
    const held = new Noted()
    const failure = new Error('no result')
    await expect(holding(() => Promise.reject(failure), held)).rejects.toBe(failure)
    expect(held.ends).toEqual([[failure, false, { rows: 0, bytes: 0 }]])
  })

  it('result read to its end: the hold is settled once, with its rows and bytes', async () => {
    const held = new Noted()
    const { frames } = await holding(async () => resultOf(3).result, held)
    for await (const _ of frames);
    await frames[Symbol.asyncIterator]().return?.()
    expect(held.batches).toEqual(Array(3).fill([1, 10]))
    expect(held.ends).toEqual([[undefined, true, { rows: 3, bytes: 30 }]])
  })

  it('result breaks midway: the hold is settled with the rows read so far and the error', async () => {
    const held = new Noted()
    const failure = new Error('broken')
    const result = await holding(async () => resultOf(2, failure).result, held)
    await expect(rowsOf(result)).rejects.toBe(failure)
    expect(held.ends).toEqual([[failure, false, { rows: 2, bytes: 20 }]])
  })

  it('reader leaves, even before the first batch: the work is stopped and the hold settled', async () => {
    for (const batches of [0, 1]) {
      const held = new Noted()
      const { result, ended } = resultOf(2)
      const frames = (await holding(async () => result, held)).frames[Symbol.asyncIterator]()
      for (let i = 0; i < batches; i++) await frames.next()
      await frames.return?.()
      expect([ended(), held.ends]).toEqual([true, [[undefined, false, { rows: batches, bytes: 10 * batches }]]])
    }
  })

  it('nested stages share one iterator, and the inner one is settled first', async () => {
    const order: string[] = []
    const named = (name: string): ResultObserver => ({ onEnd: () => order.push(name) })
    const inner = await holding(async () => resultOf(1).result, named('inner'))
    const outer = await holding(async () => inner, named('outer'))
    expect(outer.frames).toBe(inner.frames)
    expect(await rowsOf(outer)).toBe(1)
    expect(order).toEqual(['inner', 'outer'])
  })

  it.each(['returns', 'reads on'] as const)(
    'tells every stage of the end though one throws: the reader %s',
    async (how) => {
      const [first, second] = [new Error('first'), new Error('second')]
      const throwing = (error: Error): ResultObserver => ({
        onEnd: () => {
          throw error
        },
      })
      const held = new Noted()
      const inner = await holding(async () => resultOf(0).result, throwing(first))
      const { frames } = await holding(() => holding(async () => inner, throwing(second)), held)
      const reader = frames[Symbol.asyncIterator]()
      await expect(how === 'returns' ? reader.return!() : reader.next()).rejects.toBe(first)
      expect(held.ends).toEqual([[undefined, how === 'reads on', { rows: 0, bytes: 0 }]])
    },
  )

  it('a stage stops the work: its hold ends at once, the others’ when the reader gets the error', async () => {
    const [stopper, other] = [new Noted(), new Noted()]
    const { result, ended } = resultOf(2)
    const frames = (await holding(() => holding(async () => result, stopper), other)).frames[Symbol.asyncIterator]()
    await frames.next()
    const reason = new Error('stopped')
    stopper.stop(reason)
    await expect.poll(() => stopper.ends).toEqual([[reason, false, { rows: 1, bytes: 10 }]])
    expect([ended(), other.ends]).toEqual([true, []])
    await expect(frames.next()).rejects.toBe(reason)
    expect(other.ends).toEqual([[reason, false, { rows: 1, bytes: 10 }]])
  })
})
