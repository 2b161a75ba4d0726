import { expect, it } from 'vitest'
import { untilAborted } from '../../src/async/until-aborted.ts'

it.each(['before', 'during'])(
  'a signal that aborts %s the wait: a later failure of the work harms nothing',
  async (when) => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const controller = new AbortController()
    const { promise, reject } = Promise.withResolvers<never>()
    if (when === 'before') controller.abort(new Error('left'))
    const waiting = untilAborted(promise, controller.signal)
    if (when === 'during') controller.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    reject(new Error('too late'))
    // Node.js tells of rejections without a handler after the turn in which they came.
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  },
)

it('the work ends first: its outcome counts', async () => {
  const { signal } = new AbortController()
  expect(await untilAborted(Promise.resolve(1), signal)).toBe(1)
  await expect(untilAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken')
})
