import { describe, expect, it } from 'vitest'
import { RestartPolicy } from '../../src/workers/restart-policy.ts'

describe('restarts of workers', () => {
  it('wait longer after each end of the same worker, and give up after five a worker within a minute', () => {
    let now = 0
    const policy = new RestartPolicy(2, () => now)
    const delays = Array.from({ length: 11 }, () => {
      now += 100
      return policy.delayMsAfterEndOf(1)
    })
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, undefined])
  })

  it('ends count for a minute, and those of all workers together', () => {
    let now = 0
    const policy = new RestartPolicy(2, () => now)
    for (let i = 0; i < 100; i++) {
      expect(policy.delayMsAfterEndOf(1 + (i % 2))).toBe(100)
      now += 31_000
    }
    for (let i = 0; i < 8; i++) expect(policy.delayMsAfterEndOf(1 + (i % 2))).toBeDefined()
    expect(policy.delayMsAfterEndOf(1)).toBeDefined()
    expect(policy.delayMsAfterEndOf(2)).toBeUndefined()
  })
})
