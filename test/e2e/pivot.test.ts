import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const init = ["CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a', 10), (1, 'b', 20), (2, 'a', 30)) v(id, c, v)"]
const answer = [
  ['id', 'a', 'b'],
  [
    [1, 10, 20],
    [2, 30, null],
  ],
]

describe.runIf(hasPython()).each([
  ['without writes', false],
  ['with writes', true],
])('a PIVOT without an IN list, at a source %s', (_, writes) => {
  let gateway: GatewayProcess
  let seen: Record<string, unknown>
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', init, writes } } })
    seen = await runPython('pivot.py', gateway.uri)
  })
  afterAll(async () => {
    await gateway.stop()
  })

  it('gives the same rows to every client', () => {
    expect(seen).toMatchObject({
      pyarrow: [
        { id: 1, a: 10, b: 20 },
        { id: 2, a: 30, b: null },
      ],
      autocommit: [answer, answer, answer],
      in_transaction: [answer, answer, answer],
      prepared: [answer, answer],
      with_parameter: [['a'], [[30]]],
      at_once: Array(16).fill(answer),
    })
  })

  it('is refused next to another statement, and leaves no types behind', () => {
    expect(seen['beside_another']).toMatchObject({ text: expect.stringContaining('one statement at a time') })
    expect(seen['left_types']).toEqual([[0]])
  })
})
