import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answers, errors } from './answers/real-clients.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

describe.skipIf(!hasPython())('real clients', () => {
  let gateway: GatewayProcess
  let seen: Readonly<Record<string, unknown>>

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
    seen = await runPython('real_clients.py', gateway.uri, 'anyone', 'etl-key')
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  it.each(answers)('%s answers', (step, expected) => {
    expect(seen[step]).toEqual(expected)
  })

  it.each(errors)('%s raises the exception that its users expect', (step, expected) => {
    expect(seen[step]).toEqual(expected)
  })

  it('leak no statement or buffer', async () => {
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_in_flight_bytes')).toBe(0)
    const outcomes = () => gateway.lines.filter(({ event }) => event === 'statement').map(({ outcome }) => outcome)
    await expect.poll(outcomes).toEqual(expect.arrayContaining(['OK', 'CANCELLED']))
  })
})
