import { describe, expect, it } from 'vitest'
import { FloodLimits } from '../../src/http2/scheduling/flood-limits.ts'

/** How many of these go through before one does not; no more than `most`. */
const taken = (take: () => boolean, most = 1e6) => {
  let count = 0
  while (count < most && take()) count++
  return count
}

describe('what a peer is allowed', () => {
  it('is bounded for a connection, and for all of an address one after the other', () => {
    const address = new FloodLimits(8)
    const cancels = Array.from({ length: 20 }, () => {
      const connection = new FloodLimits(1, address)
      return taken(() => connection.takeReset(), 4000)
    })
    expect(cancels.slice(0, 8)).toEqual(Array(8).fill(4000))
    // What comes back meanwhile is little.
    expect(cancels.slice(9).reduce((sum, count) => sum + count)).toBeLessThan(4000)
  })

  it('is a little for a client of an address whose others flood', () => {
    const address = new FloodLimits(8)
    for (let i = 0; i < 20; i++) {
      const flood = new FloodLimits(1, address)
      taken(() => flood.takeReset())
      taken(() => flood.takeIdleFrames(1))
    }
    const quiet = new FloodLimits(1, address)
    expect(taken(() => quiet.takeReset(), 10)).toBe(10)
    expect(taken(() => quiet.takeIdleFrames(1), 50)).toBe(50)
  })
})
