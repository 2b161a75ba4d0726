import { describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

describe.skipIf(!hasPython())('ADBC from Python', () => {
  it('prepares, binds, reads and changes data', async () => {
    const gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
    const results = await runPython<Record<string, unknown>>('adbc_dbapi.py', gateway.uri, 'etl-key')
    expect(results).toMatchObject({
      select: [['42', 'x']],
      parameters: [['42', 'x!']],
      untyped: [['7', 'None']],
      types: [['1.5', 'True', "b'ab'", '2024-01-02', '2024-01-02 03:04:05.000006', '1.25']],
      'no rows': [],
      insert: 1,
      executemany: 3000,
      'many rows of parameters': 2000,
      count: [['3001', '2999']],
      schema: expect.stringContaining('i: int32'),
      'parameter schema': expect.stringMatching(/int32[\s\S]*string/),
      syntax: expect.stringContaining('syntax error at or near "SELEC"'),
      missing: expect.stringContaining('missing does not exist'),
      'too few': expect.stringContaining('Values were not provided'),
      'still works': [['1']],
    })
    expect(await gateway.metric('flightgate_statements_in_flight')).toBe(0)
    expect(gateway.lines.filter(({ level }) => Number(level) >= 50)).toEqual([])
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })
})
