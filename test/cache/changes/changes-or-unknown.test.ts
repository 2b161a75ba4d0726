import { describe, expect, it } from 'vitest'
import type { ChangeLog } from '../../../src/cache/changes/change-log.ts'
import { changesSince, snapshotOf } from '../../../src/cache/changes/changes-or-unknown.ts'
import { GatewayError } from '../../../src/query/errors.ts'

const scope = { source: 's', tables: undefined, principal: 'p', tags: [] }

/** A change log that fails at once, or later. */
const failing = (error: Error, later: boolean) => {
  const fail = () => {
    if (later) return Promise.reject(error)
    throw error
  }
  return { snapshot: fail, since: fail } as unknown as ChangeLog
}

describe('a change log that does not answer', () => {
  it.each([false, true])('is unknown, whether it fails at once or later (%s)', async (later) => {
    const log = failing(new GatewayError('STATE_UNAVAILABLE'), later)
    expect([await snapshotOf(log, scope), await changesSince(log, scope, [], 'p')]).toEqual(['unknown', 'unknown'])
  })

  it.each([false, true])('another error stays one (%s)', async (later) => {
    const log = failing(new Error('a fault'), later)
    await expect(async () => await snapshotOf(log, scope)).rejects.toThrow('a fault')
    await expect(async () => await changesSince(log, scope, [], 'p')).rejects.toThrow('a fault')
  })
})
