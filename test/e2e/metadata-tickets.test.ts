import { describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

describe.skipIf(!hasPython())('metadata endpoints, from pyarrow', () => {
  it('can be renewed, and report that they cannot be cancelled', async () => {
    const apiKeys = ['one', 'two'].map((name) => ({ name, key: `${name}-key`, roles: ['reader'] }))
    const gateway = await GatewayProcess.start({ auth: { apiKeys } })
    const steps = await runPython('metadata_tickets.py', gateway.uri, 'one-key', 'two-key')
    expect(steps).toEqual({
      later: true,
      renewed: ['demo'],
      'renewed again': ['demo'],
      'of somebody else': expect.stringContaining('The ticket belongs to another principal'),
      forged: expect.stringContaining('The ticket was not sealed by this gateway'),
      cancel: [8, 3],
      'cancel query': [8, 3],
      "cancel of somebody else's": expect.stringContaining('The ticket belongs to another principal'),
      'after the cancel': ['demo'],
      'cancel a statement': [8, 1],
    })
    expect(await gateway.stop()).toBe(0)
  })
})
