import { once } from 'node:events'
import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightDescriptor, PollInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import { DremioLookalike, hasGoServers, startSqliteServer } from '../fakes/servers.ts'
import { printSeedOnFailure, SlicingProxy } from '../fakes/slicing-proxy.ts'
import { commandOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'
import { openDoGet } from './raw-do-get.ts'

const ways = [
  { way: 'directly', isSliced: false },
  { way: 'over a network that cuts everything into small pieces', isSliced: true },
]

describe.runIf(hasPython() && hasGoServers()).each(ways)(
  'in front of Dremio’s look-alike and arrow-go’s sqlite server, $way',
  ({ isSliced }) => {
    let proxies: SlicingProxy[] = []
    let dremio: DremioLookalike
    let sqlite: Awaited<ReturnType<typeof startSqliteServer>>
    let gateway: GatewayProcess
    let seen: Record<string, unknown>
    printSeedOnFailure(() => proxies[0])
    const failure = (step: string) => seen[step] as { error: string; text: string }

    beforeAll(async () => {
      dremio = await DremioLookalike.start('--advertise', 'grpc+tcp://0.0.0.0:32010')
      sqlite = await startSqliteServer()
      if (isSliced) proxies = await Promise.all([dremio.uri, sqlite.uri].map((uri) => SlicingProxy.inFrontOf(uri)))
      gateway = await GatewayProcess.start(
        {
          auth: { apiKeys: [{ name: 'w', key: 'w', roles: ['writer'] }] },
          sources: {
            lake: {
              kind: 'dremio',
              uri: proxies[0]?.uri ?? dremio.uri,
              username: 'dremio',
              // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration expands it
              password: '${DREMIO_SECRET}',
              session: { routingTag: 'gateway', routingQueue: 'small' },
              writes: true,
            },
            lite: { kind: 'flightsql', uri: proxies[1]?.uri ?? sqlite.uri, writes: true },
          },
          defaultSource: 'lake',
        },
        { DREMIO_SECRET: 'dremio123' },
      )
      seen = await runPython('upstreams.py', gateway.uri, JSON.stringify({ dremio: dremio.uri }))
    })
    afterAll(async () => {
      expect(await gateway.stop()).toBe(0)
      await Promise.all([dremio, sqlite, ...proxies].map((each) => each.stop()))
    })

    it('relays rows unchanged: large batches, and empty results', () => {
      expect(seen['dremio_rows']).toEqual([[{ n: 60_000 }], 60_000])
      expect([seen['dremio_equal'], seen['dremio_big_batch'], seen['dremio_no_rows']]).toEqual([true, true, 0])
    })

    it('upstream refuses a statement: client gets its error, without internals', () => {
      expect(failure('dremio_bad_sql')).toMatchObject({ error: 'ArrowInvalid' })
      expect(failure('dremio_bad_sql').text).toContain('Parser Error')
      expect(failure('dremio_bad_sql').text).not.toContain('Python exception')
      expect(failure('dremio_forbidden')).toMatchObject({ error: 'FlightUnauthorizedError' })
      expect(failure('dremio_use').text).toContain('USE needs a session')
    })

    it('changes data at sources with writes', () => {
      expect(seen['dremio_write']).toEqual([1, [{ i: 1 }]])
      expect(seen['sqlite_adbc']).toEqual({ bound: [['zero']], changed: 2, count: 2, types: ['table'] })
    })

    it('inlines parameters as literals for Dremio, which has no parameters', () => {
      expect(seen['dremio_parameters']).toMatchObject({ one: 1, rows: [0, 1, 2] })
      expect((seen['dremio_parameters'] as { many: string }).many).toContain(
        "(1, \"o'clock\", 1.5, True, Decimal('-12.34'), datetime.",
      )
    })

    it('counts rows changed with parameters; on a failure midway, reports how many stay changed', () => {
      const { counts, failures, rows } = seen['dremio_changes_with_parameters'] as {
        counts: number[]
        failures: string[]
        rows: number[]
      }
      expect(counts).toEqual([1, 3, 5])
      expect(rows).toEqual([1, 2, 3, 4, 5, 6])
      expect(failures[0]).toContain('Rows changed before the failure, which stay changed: 2. The source lake failed')
      expect(failures[1]).toContain('The source lake failed')
      expect(failures[1]).not.toContain('which stay')
    })

    it('offers transactions if the server has them', () => {
      expect(seen['sqlite_transactions']).toEqual([1, 0, 1, 1])
    })

    it('a session’s schema applies to that session only', () => {
      expect(seen['dremio_schema_of_session']).toEqual([25, true, true])
    })

    it('adds catalogs for an upstream without them, and lists those of all sources', () => {
      const { rows, tables, columns } = seen['dremio_adbc'] as { rows: unknown; tables: string[]; columns: string[] }
      expect(rows).toHaveLength(2)
      expect(tables).toContain('lake.tpch.lineitem')
      expect(columns).toContain('n_nationkey')
      expect(seen['union_of_sources']).toEqual(['lake', 'main'])
      expect(seen['catalog_chooses_source']).toBe(3)
    })

    it('logs in once per connection, and reuses its session', async () => {
      const { sessions } = await dremio.stats()
      const beyondConnections = async () => {
        const { handshakes, logins, sessions_created } = await dremio.stats()
        const connections = await gateway.metric('flightgate_pool_created_total', { source: 'lake' })
        return [handshakes, logins, sessions_created].map((count) => count - connections)
      }
      // The comparison with Dremio itself added one login and two sessions, one for each of its two calls.
      await expect.poll(beyondConnections).toEqual([1, 1, 2])
      expect(sessions[0]!.properties).toMatchObject({ routing_tag: 'gateway', routing_queue: 'small' })
      expect(seen['dremio_session']).toContain('gateway')
    })

    it('small result: Dremio executes the ticket once, repeated DoGets get the stored rows', async () => {
      const stub = new FlightStub(gateway.flight)
      const headers = { 'x-api-key': 'w' }
      const { executions } = await dremio.stats()
      const ticket = ticketOf(await stub.info('SELECT random() AS r FROM tpch.nation', headers))
      const [first, again] = [await stub.call('DoGet', [ticket], headers), await stub.call('DoGet', [ticket], headers)]
      expect([first.code, again.messages]).toEqual([0, first.messages])
      expect((await dremio.stats()).executions).toBe(executions + 1)
      stub.close()
    })

    it('answers polls while Dremio is planning', async () => {
      const stub = new FlightStub(gateway.flight)
      const headers = { 'x-api-key': 'w' }
      const poll = async (descriptor: Uint8Array) => {
        const { messages, details } = await stub.call('PollFlightInfo', [descriptor], headers)
        expect(details).toBe('')
        return PollInfo.decode(messages[0]!)
      }
      const answers = [await poll(commandOf("SELECT * FROM fault('held_plan')"))]
      expect([answers[0]!.info?.schema.byteLength, answers[0]!.info?.endpoint]).toEqual([0, []])
      await dremio.control('let_go')
      while (answers.at(-1)!.flightDescriptor)
        answers.push(await poll(FlightDescriptor.encode(answers.at(-1)!.flightDescriptor!).finish()))
      const { info } = answers.at(-1)!
      expect(info!.schema.byteLength).toBeGreaterThan(0)
      const got = await stub.call('DoGet', [ticketOf(info!)], headers)
      expect([got.code, got.messages.length]).toEqual([0, 11])
      stub.close()
    })

    it('client cancels: the upstream stream is cancelled, no connection leaks', async () => {
      expect(seen['dremio_cancel']).toBe(1000)
      await expect.poll(async () => (await dremio.stats()).streams_open).toBe(0)
      await expect.poll(async () => (await dremio.stats()).streams_cancelled).toBeGreaterThan(0)
      await expect.poll(() => gateway.metric('flightgate_pool_connections', { state: 'in_use' })).toBe(0)
      await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    })

    it('hides the upstream’s credentials, cookies and locations from clients and logs', async () => {
      const stub = new FlightStub(gateway.flight)
      const headers = { 'x-api-key': 'w' }
      const info = await stub.info('SELECT 1 AS a', headers)
      const got = await stub.call('DoGet', [ticketOf(info)], headers)
      for (const metadata of [got.headers, got.trailers])
        for (const name of ['authorization', 'set-cookie', 'cookie']) expect(metadata?.get(name) ?? []).toEqual([])
      expect(info.endpoint[0]!.location).toEqual([])
      expect(Buffer.from(info.endpoint[0]!.ticket!.ticket).toString('latin1')).not.toContain('SELECT 1')
      stub.close()
      const log = JSON.stringify(gateway.lines)
      expect(log).not.toContain('dremio123')
      expect(log).not.toContain('Bearer ')
    })

    it('upstream loses sessions or tokens: statements still succeed', async () => {
      const stub = new FlightStub(gateway.flight)
      const headers = { 'x-api-key': 'w' }
      for (const what of ['drop_sessions', 'drop_tokens']) {
        await dremio.control(what)
        for (let i = 0; i < 4; i++) {
          const info = await stub.info(`SELECT ${i} AS a`, headers)
          expect((await stub.call('DoGet', [ticketOf(info)], headers)).code).toBe(0)
        }
      }
      stub.close()
    })

    // This test starts its own upstream, without a proxy.
    const directly = isSliced ? undefined : it
    directly?.(
      'slow consumer: the gateway spills the result before Dremio gives up, the client gets all rows',
      async () => {
        // Far longer than the gateway waits; without its spill the stream would end after it, as that of a slow reader.
        const impatient = await DremioLookalike.start('--slow-reader', '20', '--rows', '2000000')
        const patient = await GatewayProcess.start({
          sources: {
            lake: {
              kind: 'dremio',
              uri: impatient.uri,
              username: 'dremio',
              password: 'dremio123',
              slowReader: { afterMs: 300, memoryBytes: 4 << 20 },
            },
          },
        })
        const stub = new FlightStub(patient.flight)
        const ticket = ticketOf(await stub.info('SELECT * FROM tpch.lineitem'))
        const session = connect(`http://${patient.flight}`)
        const stream = openDoGet(session, ticket)
        const ended = once(stream, 'trailers')
        await once(stream, 'response')
        await expect.poll(async () => (await impatient.stats()).streams_open).toBe(0)
        await expect
          .poll(() => patient.metric('flightgate_slow_reader_bytes', { place: 'file' }))
          .toBeGreaterThan(50 << 20)
        let bytes = 0
        stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
        const [[trailers]] = await Promise.all([ended, once(stream, 'end')])
        expect([trailers['grpc-status'], (await impatient.stats()).slow_readers]).toEqual(['0', 0])
        expect(bytes).toBeGreaterThan(100 << 20)
        await expect.poll(() => patient.metric('flightgate_rows_total')).toBe(2_000_000)
        await expect.poll(() => patient.metric('flightgate_slow_reader_bytes')).toBe(0)
        session.close()
        stub.close()
        expect(await patient.stop()).toBe(0)
        await impatient.stop()
      },
    )
  },
)
