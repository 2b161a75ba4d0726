import { describe, expect, it } from 'vitest'
import { FloodLimits } from '../../src/http2/scheduling/flood-limits.ts'

/** Counts calls that pass before the first refusal, at most `most`. */
const taken = (take: () => boolean, most = 1e6) => {
  let count = 0
  while (count < most && take()) count++
  return count
}

describe('FloodLimits', () => {
  it('bounds each connection, and all consecutive connections of one address together', () => {
    const address = new FloodLimits(8)
    const cancels = Array.from({ length: 20 }, () => {
      const connection = new FloodLimits(1, address)
      return taken(() => connection.takeReset(), 4000)
    })
    expect(cancels.slice(0, 8)).toEqual(Array(8).fill(4000))
    // The budget refills only a little in the meantime.
    expect(cancels.slice(9).reduce((sum, count) => sum + count)).toBeLessThan(4000)
  })

  it('keeps a small allowance for a new connection from an address that floods', () => {
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
