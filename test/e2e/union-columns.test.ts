import { expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

it.skipIf(!hasPython())('a UNION is a struct of its members, which pandas and polars read', async () => {
  const gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', batchRows: 5000 } } })
  expect(await runPython('union_columns.py', gateway.uri)).toEqual({
    type: 'struct<n: int64, s: string, e: dictionary<values=string, indices=uint8, ordered=0>>',
    arrow: true,
    pandas: [20_000, { n: null, s: 'x1', e: null }],
    polars: true,
  })
  expect(await gateway.stop()).toBe(0)
})
