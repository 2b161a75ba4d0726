import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { GatewayStub, sql } from './gateway-stub.ts'
import { jsonOf, postJson } from './http-client.ts'
import { hasPython, runPython } from './python.ts'

describe('after a change through the gateway, the writer reads fresh rows at once', () => {
  let gateway: GatewayProcess
  const writer = { 'x-api-key': 'w' }

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'writer', key: 'w', roles: ['writer'] },
          { name: 'reader', key: 'r' },
        ],
      },
      sources: { demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE u AS SELECT 1::BIGINT AS i'] } },
    })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })

  it.skipIf(!hasPython())('over ADBC and HTTP', async () => {
    const found = await runPython<Record<string, [string, string, number]>>(
      'cache_writes.py',
      gateway.uri,
      gateway.http,
      'w',
    )
    const added = {
      update: 10,
      'prepared update': 50,
      ingest: 15,
      'query that returns rows': 3,
      view: 7,
      HTTP: 100,
      batch: 11,
      'failed update': 0,
      'explain analyze': 9,
      transaction: 1001,
      rollback: 0,
    }
    for (const [path, sum] of Object.entries(added)) expect([path, found[path]]).toEqual([path, ['HIT', 'MISS', sum]])
  })

  const read = async (headers: Readonly<Record<string, string>>) => {
    const answer = await postJson(gateway, '/api/v1/query', { query: 'SELECT sum(i) AS s FROM u' }, headers)
    return [answer.headers.get('results-cache-status'), JSON.stringify((await jsonOf(answer)).rows)]
  }

  it('over GetFlightInfo and DoGet of a change, and over the Gateway service; others get no older rows than their window allows', async () => {
    const flight = new FlightStub(gateway.flight)
    const service = new GatewayStub(gateway.flight)
    const paths: readonly (() => Promise<unknown>)[] = [
      async () =>
        await flight.call(
          'DoGet',
          [ticketOf(await flight.info('INSERT INTO u VALUES (2) RETURNING i', writer))],
          writer,
        ),
      async () => await flight.info('UPDATE u SET i = i + 1 RETURNING i', writer),
      async () => await service.read('execute', { statement: sql('DELETE FROM u WHERE i = 3') }, writer),
    ]
    for (const change of paths) {
      await read(writer)
      await read({ 'x-api-key': 'r' })
      const before = await read(writer)
      expect(before[0]).toBe('HIT')
      await change()
      const after = await read(writer)
      expect(after[0]).toBe('MISS')
      expect(after[1]).not.toBe(before[1])
      // The general window is a minute.
      expect((await read({ 'x-api-key': 'r' }))[0]).toBe('STALE')
    }
    flight.close()
    service.close()
  })
})
