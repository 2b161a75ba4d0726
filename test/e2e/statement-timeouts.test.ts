import { expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

it.runIf(hasPython())(
  'time limits of a source and of an API key end statements, also partly read ones',
  async () => {
    const gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'patient', key: 'patient' },
          { name: 'impatient', key: 'impatient', statementTimeoutMs: 1800 },
          { name: 'calm', key: 'calm', statementTimeoutMs: 60_000 },
        ],
      },
      sources: {
        demo: { kind: 'duckdb' },
        hasty: { kind: 'duckdb', statementTimeoutMs: 1500 },
        calm: { kind: 'duckdb', statementTimeoutMs: 60_000 },
      },
      defaultSource: 'demo',
    })
    const ended = (text: string) => ({ text: expect.stringContaining(`ran longer than ${text}`) })
    expect(await runPython('statement_timeouts.py', gateway.uri)).toMatchObject({
      of_the_source: ended("the source hasty's 1500 ms (sources.hasty.statementTimeoutMs)"),
      of_the_key: ended("impatient's 1800 ms (statementTimeoutMs of its API key or its groups)"),
      half_read: ended("the source hasty's 1500 ms"),
      short: [[[42]], [[42]]],
    })
    expect(await gateway.stop()).toBe(0)
  },
  60_000,
)
