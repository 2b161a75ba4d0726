import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasGoServers, startSqliteServer } from '../fakes/servers.ts'
import { type CallEnd, commandOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'

const FIRST = 'SELECT id FROM intTable WHERE id = 1'

describe.runIf(hasGoServers())('arrow-go’s sqlite server, read-only', () => {
  let sqlite: Awaited<ReturnType<typeof startSqliteServer>>
  let gateway: GatewayProcess
  let stub: FlightStub

  beforeAll(async () => {
    sqlite = await startSqliteServer()
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'r', key: 'r', roles: ['reader'] },
          { name: 'w', key: 'w', roles: ['writer'] },
        ],
      },
      sources: {
        kept: { kind: 'flightsql', uri: sqlite.uri },
        open: { kind: 'flightsql', uri: sqlite.uri, writes: true },
      },
      defaultSource: 'kept',
      // The two sources are one server: the cache of one does not know what passes through the other.
      cache: { maxBytes: 0 },
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(0)
    await sqlite.stop()
  })

  const ask = async (source: string, key: string, sql: string): Promise<CallEnd> => {
    const headers = { 'x-api-key': key, 'x-flightgate-source': source }
    const planned = await stub.call('GetFlightInfo', [commandOf(sql)], headers)
    if (planned.code !== 0) return planned
    return await stub.call('DoGet', [ticketOf(await stub.info(sql, headers))], headers)
  }
  /** Messages of the result: its schema, and a batch if there are rows. */
  const messages = async (sql: string) => (await ask('kept', 'r', sql)).messages.length
  const refusal = ({ code, trailers }: CallEnd) => [code, trailers?.get('x-flightgate-error')]

  it.each([
    'DELETE FROM intTable WHERE id = 1',
    'SELECT 1 AS a; DELETE FROM intTable WHERE id = 1',
    '; DELETE FROM intTable WHERE id = 1',
    'WITH a AS (SELECT 1 AS id) DELETE FROM intTable WHERE id IN (SELECT id FROM a)',
    "SELECT 1 AS [a']; DELETE FROM intTable WHERE id = 1; --'",
    'PRAGMA user_version = 7',
    "ATTACH DATABASE ':memory:' AS other",
    'REINDEX',
  ])('refuses a change with READ_ONLY or FORBIDDEN, and runs nothing: %s', async (sql) => {
    const outcomes = [await ask('kept', 'r', sql), await ask('kept', 'w', sql), await ask('open', 'r', sql)]
    expect(outcomes.map(refusal)).toEqual([
      [7, ['READ_ONLY']],
      [7, ['READ_ONLY']],
      [7, ['FORBIDDEN']],
    ])
    expect(await messages(FIRST)).toBe(2)
    expect(await messages('SELECT 1 FROM pragma_user_version WHERE user_version = 7')).toBe(1)
  })

  it.each(['WITH a AS (SELECT 1) SELECT * FROM a', 'VALUES (1);', "SELECT ';' AS a -- ; DROP", 'PRAGMA user_version'])(
    'answers a read: %s',
    async (sql) => {
      expect((await ask('kept', 'r', sql)).code).toBe(0)
    },
  )

  it('a writer changes data at a source with writes', async () => {
    expect((await ask('open', 'w', 'DELETE FROM intTable WHERE id = 1')).code).toBe(0)
    expect(await messages(FIRST)).toBe(1)
  })
})
