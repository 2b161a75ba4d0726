import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readFlightData } from '../../src/arrow/ipc/flight-data.ts'
import { readHeader } from '../../src/arrow/ipc/header.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'
import { readRows } from './read-rows.ts'

const SLOW = 'FROM (SELECT sum(hash(i)) AS h FROM range(300000000) r(i))'

describe('a stream without rows for a long time', () => {
  let gateway: GatewayProcess
  let stub: FlightStub

  beforeAll(async () => {
    gateway = await GatewayProcess.start({ limits: { streamKeepAliveMs: 20 } })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(0)
  })

  it('carries empty batches as keep-alive, for any type', async () => {
    const info = await stub.info(
      `SELECT h > 0 AS b, 1 AS i, 'x' AS s, [1] AS l, {'a': [2]} AS st, MAP {'k': 1} AS m, [1, 2]::INT[2] AS f, union_value(n := 1) AS u ${SLOW}`,
    )
    const { messages, code } = await stub.call('DoGet', [ticketOf(info)])
    expect(code).toBe(0)
    const rows = messages.slice(1).map((message) => readHeader(readFlightData(message).header).rows)
    expect(rows.length).toBeGreaterThan(2)
    expect(rows.filter((count) => count > 0)).toEqual([1])
    expect(readRows(messages)).toHaveLength(1)
  })

  it('carries no keep-alive batch before its dictionaries', async () => {
    const info = await stub.info(`SELECT 'x'::ENUM ('x', 'y') AS e, h > 0 AS b ${SLOW}`)
    const { messages } = await stub.call('DoGet', [ticketOf(info)])
    const [schema, dictionary, ...batches] = messages.map((message) => readHeader(readFlightData(message).header))
    expect([schema!.kind, dictionary!.kind]).toEqual(['schema', 'dictionary'])
    // One without rows may come after the dictionary.
    expect(new Set(batches.map(({ kind }) => kind))).toEqual(new Set(['batch']))
    expect(batches.map(({ rows }) => rows).filter((rows) => rows > 0)).toEqual([1])
  })

  it.runIf(hasPython())('pyarrow and ADBC read the rows as usual', async () => {
    const seen = await runPython<{ pyarrow: unknown; adbc: unknown; batches: number }>(
      'slow_query.py',
      gateway.uri,
      `SELECT h > 0 AS b, 'x' AS s, [1] AS l ${SLOW}`,
    )
    const rows = [{ b: true, s: 'x', l: [1] }]
    expect(seen).toMatchObject({ pyarrow: rows, adbc: rows })
    expect(seen.batches).toBeGreaterThan(1)
  })
})
