import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  BasicAuth,
  CancelFlightInfoRequest,
  CancelFlightInfoResult,
  FlightDescriptor,
  FlightEndpoint,
  FlightInfo,
  HandshakeRequest,
  HandshakeResponse,
  RenewFlightEndpointRequest,
  Result,
  SchemaResult,
  Ticket,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import { ActionCancelQueryRequest, ActionCancelQueryResult } from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { readFlightData } from '../../src/arrow/ipc/flight-data.ts'
import { readHeader } from '../../src/arrow/ipc/header.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { type CallEnd, commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { openDoGet } from './raw-do-get.ts'

const OK = 0
const CANCELLED = 1
const INVALID_ARGUMENT = 3
const NOT_FOUND = 5
const PERMISSION_DENIED = 7
const RESOURCE_EXHAUSTED = 8
const UNIMPLEMENTED = 12
const UNAUTHENTICATED = 16
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
const tokenOf = ({ headers }: CallEnd) => String(headers?.get('authorization')[0])
const rowsOf = (messages: readonly Buffer[]) =>
  messages.reduce((rows, message) => rows + readHeader(readFlightData(message).header).rows, 0)

describe('the Flight front', () => {
  let gateway: GatewayProcess
  let stub: FlightStub
  const key = { 'x-api-key': 'dash-key' }

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'dash', key: `sha256:${createHash('sha256').update('dash-key').digest('hex')}` },
          { name: 'etl', key: 'etl-key', roles: ['writer'], defaultSource: 'scratch' },
        ],
      },
      sources: {
        demo: { kind: 'duckdb', init: ['CREATE TABLE t AS SELECT range AS i FROM range(100)'] },
        scratch: { kind: 'duckdb', writes: true },
      },
      defaultSource: 'demo',
      limits: { maxStatementBytes: 1_000_000 },
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(OK)
    expect(gateway.noise).toEqual([])
  })

  describe('Handshake', () => {
    it.each([
      ['no message, as Go does, base64 unpadded', [], { authorization: basic('a', 'dash-key').replace(/=+$/, '') }],
      ['an empty message, as Java does', [new Uint8Array(0)], { authorization: basic('anyone', 'dash-key') }],
      ['a bearer key, as JDBC token= does', [new Uint8Array(0)], { authorization: 'Bearer dash-key' }],
    ])('with %s', async (_name, messages, headers) => {
      const end = await stub.call('Handshake', messages, headers)
      expect(end.code).toBe(OK)
      const authorization = tokenOf(end)
      expect(authorization).toMatch(/^Bearer fgt_/)
      expect(end.trailers?.get('authorization')).toEqual([authorization])
      await stub.info('SELECT 1', { authorization })
    })

    it('with BasicAuth in the payload: returns the token as payload', async () => {
      const payload = BasicAuth.encode({ username: 'u', password: 'dash-key' }).finish()
      const end = await stub.call('Handshake', [HandshakeRequest.encode({ protocolVersion: 0n, payload }).finish()])
      expect(end.code).toBe(OK)
      const token = Buffer.from(HandshakeResponse.decode(end.messages[0]!).payload)
      const info = await stub.call('GetFlightInfo', [commandOf('SELECT 1')], { 'auth-token-bin': token })
      expect(info.code).toBe(OK)
    })

    it('refuses a wrong password and no credentials', async () => {
      expect((await stub.call('Handshake', [], { authorization: basic('dash', 'wrong') })).code).toBe(UNAUTHENTICATED)
      expect((await stub.call('Handshake', [])).code).toBe(UNAUTHENTICATED)
      for (const payload of [Buffer.from('{"user": "me"}'), Buffer.from([0x12, 0x7f, 0x01]), Buffer.from([0xff])]) {
        const request = HandshakeRequest.encode({ protocolVersion: 0n, payload }).finish()
        expect((await stub.call('Handshake', [request])).code).toBe(UNAUTHENTICATED)
      }
      const payload = BasicAuth.encode({ username: 'u', password: 'wrong' }).finish()
      const end = await stub.call('Handshake', [HandshakeRequest.encode({ protocolVersion: 0n, payload }).finish()])
      expect(end.code).toBe(UNAUTHENTICATED)
    })
  })

  it.each([
    { 'x-api-key': 'dash-key' },
    { authorization: 'Bearer dash-key' },
    { authorization: basic('x', 'dash-key') },
  ])('accepts %j on any call', async (headers) => {
    const info = await stub.info('SELECT 1', headers as Record<string, string>)
    expect((await stub.call('DoGet', [ticketOf(info)], headers as Record<string, string>)).code).toBe(OK)
  })

  it.each(['GetFlightInfo', 'GetSchema', 'DoGet', 'DoAction', 'ListActions', 'DoPut', 'DoExchange', 'PollFlightInfo'])(
    '%s without credentials: UNAUTHENTICATED',
    async (method) => {
      expect((await stub.call(method, [commandOf('SELECT 1')])).code).toBe(UNAUTHENTICATED)
    },
  )

  it('answers plain SQL text and CommandStatementQuery alike, with one endpoint and no locations', async () => {
    for (const cmd of [commandOf('SELECT * FROM t'), descriptorOf(Buffer.from('\nSELECT * FROM t'))]) {
      const end = await stub.call('GetFlightInfo', [cmd], key)
      const info = FlightInfo.decode(end.messages[0]!)
      expect(info.endpoint).toHaveLength(1)
      expect(info.endpoint[0]!.location).toEqual([])
      expect([info.totalRecords, info.totalBytes]).toEqual([-1n, -1n])
      expect(FlightDescriptor.encode(info.flightDescriptor!).finish()).toEqual(Uint8Array.from(cmd))
      const schema = SchemaResult.decode((await stub.call('GetSchema', [cmd], key)).messages[0]!).schema
      expect(Buffer.from(schema)).toEqual(Buffer.from(info.schema))
      const data = await stub.call('DoGet', [ticketOf(info)], key)
      expect(readHeader(readFlightData(data.messages[0]!).header).kind).toBe('schema')
      expect(rowsOf(data.messages)).toBe(100)
    }
  })

  it('empty result: one endpoint, and the schema on each DoGet', async () => {
    const info = await stub.info('SELECT * FROM t WHERE i < 0', key)
    expect(info.endpoint).toHaveLength(1)
    for (let i = 0; i < 2; i++) {
      const { messages } = await stub.call('DoGet', [ticketOf(info)], key)
      expect(messages).toHaveLength(1)
    }
  })

  it('runs a statement that changes data once, before its ticket is redeemed', async () => {
    const etl = { 'x-api-key': 'etl-key' }
    await stub.info('CREATE TABLE log (i INTEGER)', etl)
    const info = await stub.info('INSERT INTO log VALUES (1), (2)', etl)
    for (let i = 0; i < 2; i++) expect(rowsOf((await stub.call('DoGet', [ticketOf(info)], etl)).messages)).toBe(1)
    const rows = await stub.info('SELECT * FROM log', etl)
    expect(rowsOf((await stub.call('DoGet', [ticketOf(rows)], etl)).messages)).toBe(2)
    const reader = { ...key, 'x-flightgate-source': 'scratch' }
    const refused = await stub.call('GetFlightInfo', [commandOf('INSERT INTO log VALUES (3)')], reader)
    expect([refused.code, refused.details]).toEqual([
      PERMISSION_DENIED,
      expect.stringContaining('lacks the grant write on'),
    ])
  })

  describe('tickets', () => {
    it('of another principal: FOREIGN_TICKET', async () => {
      const info = await stub.info('SELECT * FROM t', key)
      const end = await stub.call('DoGet', [ticketOf(info)], { 'x-api-key': 'etl-key' })
      expect([end.code, end.trailers?.get('x-flightgate-error')]).toEqual([PERMISSION_DENIED, ['FOREIGN_TICKET']])
    })

    it('forged, changed or empty are refused before a source is touched', async () => {
      const before = await gateway.metric('flightgate_statements_total')
      const info = await stub.info('SELECT * FROM t', key)
      const changed = Buffer.from(info.endpoint[0]!.ticket!.ticket)
      changed[changed.length - 3]! ^= 1
      for (const [ticket, code] of [
        [changed, UNAUTHENTICATED],
        [Buffer.from('garbage'), INVALID_ARGUMENT],
        [Buffer.alloc(0), INVALID_ARGUMENT],
        [Buffer.from('SELECT 1'), INVALID_ARGUMENT],
        [packAny('TicketStatementQuery', Buffer.from([10, 2, 1, 1])), INVALID_ARGUMENT],
      ] as const)
        expect((await stub.call('DoGet', [Ticket.encode({ ticket }).finish()], key)).code).toBe(code)
      expect(await gateway.metric('flightgate_statements_total')).toBe(before)
    })

    it('can be cancelled, running or pending', async () => {
      const slow = await stub.info(
        'SELECT sum(hash(a.range * 31 + b.range)) FROM range(100000) a, range(100000) b',
        key,
      )
      const running = stub.call('DoGet', [ticketOf(slow)], key)
      await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(1)
      const body = CancelFlightInfoRequest.encode({ info: slow }).finish()
      const end = await stub.call('DoAction', [Action.encode({ type: 'CancelFlightInfo', body }).finish()], key)
      expect(CancelFlightInfoResult.decode(Result.decode(end.messages[0]!).body).status).toBe(1)
      expect((await running).code).toBe(CANCELLED)
      await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
      expect((await stub.call('DoGet', [ticketOf(slow)], key)).code).toBe(CANCELLED)
    })

    it('read to its end: a cancel reports that it is not cancellable', async () => {
      const info = await stub.info('SELECT random()', key)
      const first = await stub.call('DoGet', [ticketOf(info)], key)
      const body = CancelFlightInfoRequest.encode({ info }).finish()
      const end = await stub.call('DoAction', [Action.encode({ type: 'CancelFlightInfo', body }).finish()], key)
      expect(CancelFlightInfoResult.decode(Result.decode(end.messages[0]!).body).status).toBe(3)
      const request = ActionCancelQueryRequest.encode({ info: FlightInfo.encode(info).finish() }).finish()
      const query = packAny('ActionCancelQueryRequest', request)
      const old = await stub.call('DoAction', [Action.encode({ type: 'CancelQuery', body: query }).finish()], key)
      const { value } = unpackAny(Result.decode(old.messages[0]!).body)!
      expect(ActionCancelQueryResult.decode(value).result).toBe(3)
      expect((await stub.call('DoGet', [ticketOf(info)], key)).messages).toEqual(first.messages)
    })
  })

  describe('bad input', () => {
    const truncated = commandOf('SELECT 1').slice(0, -4)
    it.each([
      [
        'a SQL syntax error',
        'GetFlightInfo',
        commandOf('SELEC 1'),
        INVALID_ARGUMENT,
        /syntax error at or near "SELEC"/,
      ],
      ['an unknown table', 'GetFlightInfo', commandOf('SELECT * FROM nope'), NOT_FOUND, /nope does not exist/],
      ['no statement', 'GetFlightInfo', commandOf('  '), INVALID_ARGUMENT, /empty/],
      ['a truncated protobuf', 'GetFlightInfo', truncated, INVALID_ARGUMENT, /protobuf/],
      ['binary garbage', 'GetFlightInfo', descriptorOf(Buffer.from([0xff, 0xfe, 0, 1])), INVALID_ARGUMENT, /neither/],
      [
        'an unknown command',
        'GetFlightInfo',
        descriptorOf(packAny('CommandNope', Buffer.alloc(0))),
        UNIMPLEMENTED,
        /CommandNope/,
      ],
      [
        'an Any of another type',
        'GetFlightInfo',
        descriptorOf(Buffer.concat([Buffer.from([10, 25]), Buffer.from('type.googleapis.com/x.y.Zz')])),
        INVALID_ARGUMENT,
        /./,
      ],
      [
        '20 MB of SQL',
        'GetFlightInfo',
        commandOf(`SELECT '${'x'.repeat(20_000_000)}'`),
        RESOURCE_EXHAUSTED,
        /maxInboundMessageBytes/,
      ],
      [
        '2 MB of SQL',
        'GetFlightInfo',
        commandOf(`SELECT '${'x'.repeat(2_000_000)}'`),
        RESOURCE_EXHAUSTED,
        /maxStatementBytes/,
      ],
      [
        'a file',
        'GetFlightInfo',
        commandOf("SELECT * FROM read_csv('/etc/passwd')"),
        PERMISSION_DENIED,
        /cannot reach files/,
      ],
      ['a COPY', 'GetFlightInfo', commandOf("COPY t TO '/tmp/x'"), PERMISSION_DENIED, /./],
      ['an ATTACH', 'GetFlightInfo', commandOf("ATTACH '/tmp/x.db'"), PERMISSION_DENIED, /not allowed/],
      [
        'an unknown action',
        'DoAction',
        Action.encode({ type: 'Nope', body: Buffer.alloc(0) }).finish(),
        UNIMPLEMENTED,
        /Nope/,
      ],
      ['an unknown method', '/arrow.flight.protocol.FlightService/Nope', Buffer.alloc(0), UNIMPLEMENTED, /method/],
      ['an upload without a command', 'DoPut', Buffer.alloc(0), INVALID_ARGUMENT, /descriptor/],
      ['an exchange', 'DoExchange', Buffer.alloc(0), UNIMPLEMENTED, /DoExchange/],
    ])(
      '%s: client gets the right status, and the gateway keeps serving',
      async (_name, method, request, code, details) => {
        const short = method.startsWith('/') ? 'unknown' : method
        const name = Object.entries({
          INVALID_ARGUMENT,
          NOT_FOUND,
          UNIMPLEMENTED,
          RESOURCE_EXHAUSTED,
          PERMISSION_DENIED,
        }).find(([, value]) => value === code)![0]
        const before = await gateway.metric('flightgate_calls_total', { method: short, code: name })
        const end = await stub.call(method, [request], key)
        expect([end.code, end.details]).toEqual([code, expect.stringMatching(details)])
        await expect
          .poll(() => gateway.metric('flightgate_calls_total', { method: short, code: name }))
          .toBe(before + 1)
        await stub.info('SELECT 1', key)
      },
    )

    it('an error in SQL carries its line and column', async () => {
      const end = await stub.call('GetFlightInfo', [commandOf('SELECT 1,\n  nope(2)')], key)
      expect(end.trailers?.get('x-flightgate-sql-position')).toEqual(['2:3'])
    })

    it('unknown source: the error lists the known sources', async () => {
      const end = await stub.call('GetFlightInfo', [commandOf('SELECT 1')], { ...key, 'x-flightgate-source': 'nope' })
      expect([end.code, end.details]).toEqual([NOT_FOUND, expect.stringContaining('demo, scratch')])
    })
  })

  it('ticket redeemed again: the client gets the same rows without a second run', async () => {
    const ran = () => gateway.metric('flightgate_queue_wait_seconds_count')
    const [before, sql] = [await ran(), 'SELECT random() AS r, uuid() AS u FROM range(100)']
    const ticket = ticketOf(await stub.info(sql, key))
    const [first, again] = [await stub.call('DoGet', [ticket], key), await stub.call('DoGet', [ticket], key)]
    expect([first.code, rowsOf(first.messages), again.messages]).toEqual([OK, 100, first.messages])
    expect(await ran()).toBe(before + 1)
    const other = await stub.call('DoGet', [ticketOf(await stub.info(sql, key))], key)
    expect(other.messages).not.toEqual(first.messages)
    // A result too large to store runs again.
    const large = ticketOf(await stub.info('SELECT random() AS r FROM range(200000)', key))
    for (let i = 0; i < 2; i++) expect(rowsOf((await stub.call('DoGet', [large], key)).messages)).toBe(200_000)
    expect(await ran()).toBe(before + 4)
  })

  it('ticket redeemed concurrently: all clients get the same rows of one run', async () => {
    const ran = () => gateway.metric('flightgate_queue_wait_seconds_count')
    const before = await ran()
    const ticket = ticketOf(await stub.info('SELECT random() AS r FROM range(1000)', key))
    const all = await Promise.all(Array.from({ length: 8 }, () => stub.call('DoGet', [ticket], key)))
    expect(rowsOf(all[0]!.messages)).toBe(1000)
    for (const { messages } of all) expect(messages).toEqual(all[0]!.messages)
    expect(await ran()).toBe(before + 1)
    // For a result too large to store, the calls do not wait for each other.
    const large = ticketOf(await stub.info('SELECT random() AS r FROM range(200000)', key))
    const large8 = await Promise.all(Array.from({ length: 8 }, () => stub.call('DoGet', [large], key)))
    expect(large8.map(({ messages }) => rowsOf(messages))).toEqual(Array(8).fill(200_000))
  })

  it('client disconnects and retries its ticket: it gets the rows of the first run', async () => {
    const ran = () => gateway.metric('flightgate_queue_wait_seconds_count')
    const rows = () => gateway.metric('flightgate_rows_total')
    const inFlight = () => gateway.metric('flightgate_statements_in_flight')
    const [before, rowsBefore] = [await ran(), await rows()]
    const ticket = ticketOf(await stub.info('SELECT random() AS r FROM range(100000)', key))
    const session = connect(`http://${gateway.flight}`)
    const unread = openDoGet(session, ticket, key)
    await once(unread, 'response')
    // The gateway has read the result to its end, and keeps it; the client has read no row.
    await expect.poll(rows).toBe(rowsBefore + 100_000)
    await expect.poll(inFlight).toBe(0)
    unread.destroy()
    session.destroy()
    const again = await stub.call('DoGet', [ticket], key)
    expect([rowsOf(again.messages), await ran()]).toEqual([100_000, before + 1])
  })

  it('splits messages for clients with the default limit of 4 MiB; such a client refuses a larger row', async () => {
    const info = await stub.info("SELECT repeat('x', 3000000) AS s FROM range(4)", key)
    const end = await stub.call('DoGet', [ticketOf(info)], key)
    expect([end.code, rowsOf(end.messages)]).toEqual([OK, 4])
    const wide = await stub.info("SELECT repeat('x', 5000000) AS s", key)
    const refused = await stub.call('DoGet', [ticketOf(wide)], key)
    expect([refused.code, refused.details]).toEqual([
      RESOURCE_EXHAUSTED,
      expect.stringMatching(/larger than max \(\d+ vs\.? 4194304\)/),
    ])
  })

  it('ListFlights is empty and needs no credentials; ListActions lists the actions', async () => {
    expect(await stub.call('ListFlights', [new Uint8Array(0)])).toMatchObject({ code: OK, messages: [] })
    const { messages } = await stub.call('ListActions', [new Uint8Array(0)], key)
    expect(messages.map(String).join()).toMatch(/CancelFlightInfo.*RenewFlightEndpoint/s)
  })

  it('keeps secrets out of logs and metrics', async () => {
    await stub.call('GetFlightInfo', [commandOf("SELECT 'canary-sql'")], { 'x-api-key': 'canary-key' })
    await stub.call('GetFlightInfo', [commandOf("SELECT 'canary-sql'")], { authorization: 'Bearer canary-token' })
    await stub.info("SELECT 'canary-sql'", key)
    const metrics = await (await fetch(`http://${gateway.http}/metrics`)).text()
    expect(JSON.stringify(gateway.lines) + metrics).not.toMatch(/canary|dash-key|etl-key/)
  })
})

describe('tokens and tickets that live for a short time', () => {
  let gateway: GatewayProcess
  let stub: FlightStub
  const key = { 'x-api-key': 'dash-key' }

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'dash', key: 'dash-key' }], tokenTtlMs: 500 },
      limits: { ticketTtlMs: 6000 },
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(OK)
  })

  it('tokens expire', async () => {
    const authorization = tokenOf(await stub.call('Handshake', [], { authorization: 'Bearer dash-key' }))
    await new Promise((resolve) => setTimeout(resolve, 600))
    const end = await stub.call('GetFlightInfo', [commandOf('SELECT 1')], { authorization })
    expect([end.code, end.trailers?.get('x-flightgate-error')]).toEqual([UNAUTHENTICATED, ['EXPIRED_TOKEN']])
  })

  it('tickets expire, and can be renewed before they do', async () => {
    const info = await stub.info('SELECT 1', key)
    const [first] = info.endpoint
    let endpoint = first!
    const renew = async () => {
      const body = RenewFlightEndpointRequest.encode({ endpoint }).finish()
      const end = await stub.call('DoAction', [Action.encode({ type: 'RenewFlightEndpoint', body }).finish()], key)
      endpoint = FlightEndpoint.decode(Result.decode(end.messages[0]!).body)
    }
    // Renewed again and again, so that the last one has just begun when the first one ends.
    const errorOfFirst = async () => {
      await renew()
      return (await stub.call('DoGet', [ticketOf(info)], key)).trailers?.get('x-flightgate-error')
    }
    await expect.poll(errorOfFirst, { interval: 200 }).toEqual(['EXPIRED_TICKET'])
    expect(endpoint.expirationTime!.seconds).toBeGreaterThan(first!.expirationTime!.seconds)
    expect((await stub.call('DoGet', [Ticket.encode(endpoint.ticket!).finish()], key)).code).toBe(OK)
  })
})
