import { once } from 'node:events'
import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Action, FlightData, FlightDescriptor, PutResult, Result } from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginSavepointRequest,
  ActionBeginTransactionRequest,
  ActionBeginTransactionResult,
  ActionEndTransactionRequest,
  CommandStatementUpdate,
  DoPutUpdateResult,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { type CallEnd, commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { openDoGet } from './raw-do-get.ts'
import { readRows } from './read-rows.ts'

type Headers = Readonly<Record<string, string>>
const writer: Headers = { 'x-api-key': 'w' }
const reader: Headers = { 'x-api-key': 'r' }
const none = new Uint8Array(0)
const COMMIT = 1
const ROLLBACK = 2
const [
  INVALID_ARGUMENT,
  NOT_FOUND,
  PERMISSION_DENIED,
  RESOURCE_EXHAUSTED,
  FAILED_PRECONDITION,
  ABORTED,
  UNIMPLEMENTED,
] = [3, 5, 7, 8, 9, 10, 12]

describe('transactions', () => {
  let gateway: GatewayProcess
  let stub: FlightStub

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'writer', key: 'w', roles: ['writer'] },
          { name: 'reader', key: 'r', roles: ['reader'] },
        ],
      },
      sources: { demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE t (i INTEGER PRIMARY KEY)'] } },
      // A rollback waits so long for a result that its client does not read.
      limits: { maxTransactionsPerPrincipal: 4, queueWaitMs: 3000 },
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.metric('flightgate_transactions_open')).toBe(0)
    expect(await gateway.stop()).toBe(0)
  })

  const act = (type: string, body: Uint8Array, headers: Headers, at = stub) =>
    at.call('DoAction', [Action.encode({ type, body }).finish()], headers)
  const tryBegin = (headers: Headers, at = stub) =>
    act(
      'BeginTransaction',
      packAny('ActionBeginTransactionRequest', ActionBeginTransactionRequest.encode({}).finish()),
      headers,
      at,
    )
  const begin = async (headers: Headers, at = stub) => {
    const { messages, details } = await tryBegin(headers, at)
    expect(details).toBe('')
    return ActionBeginTransactionResult.decode(unpackAny(Result.decode(messages[0]!).body)!.value).transactionId
  }
  const end = (transactionId: Uint8Array, action: 1 | 2, headers: Headers, at = stub) =>
    act(
      'EndTransaction',
      packAny('ActionEndTransactionRequest', ActionEndTransactionRequest.encode({ transactionId, action }).finish()),
      headers,
      at,
    )
  const update = async (query: string, headers: Headers, transactionId?: Uint8Array) => {
    const command = CommandStatementUpdate.encode({ query, transactionId }).finish()
    const ended = await stub.call('DoPut', [upload(packAny('CommandStatementUpdate', command))], headers)
    return { ended, rows: ended.code === 0 ? affected(ended) : undefined }
  }
  const upload = (cmd: Uint8Array) =>
    FlightData.encode({
      flightDescriptor: FlightDescriptor.decode(descriptorOf(cmd)),
      dataHeader: none,
      appMetadata: none,
      dataBody: none,
    }).finish()
  const affected = ({ messages }: CallEnd) =>
    Number(DoPutUpdateResult.decode(PutResult.decode(messages[0]!).appMetadata).recordCount)
  const count = async (headers: Headers, transactionId?: Uint8Array) => {
    const info = await stub.info('SELECT count(*)::INTEGER AS n FROM t', headers, transactionId)
    const { messages, code, details } = await stub.call('DoGet', [ticketOf(info)], headers)
    expect([code, details]).toEqual([0, ''])
    return readRows(messages)[0]!['n']
  }

  it('hide their changes from others until they commit', async () => {
    const transaction = await begin(writer)
    expect((await update('INSERT INTO t VALUES (1), (2)', writer, transaction)).rows).toBe(2)
    expect([await count(writer, transaction), await count(writer)]).toEqual([2, 0])
    expect((await end(transaction, COMMIT, writer)).code).toBe(0)
    expect(await count(writer)).toBe(2)
    expect((await end(transaction, COMMIT, writer)).code).toBe(NOT_FOUND)
  })

  it('plan against their own changes, and undo data and tables on rollback', async () => {
    const transaction = await begin(writer)
    await update('CREATE TABLE only_here AS SELECT 42 AS x', writer, transaction)
    const info = await stub.info('SELECT * FROM only_here', writer, transaction)
    expect(readRows((await stub.call('DoGet', [ticketOf(info)], writer)).messages)).toEqual([{ x: 42 }])
    const before = await count(writer)
    await update('DELETE FROM t', writer, transaction)
    await end(transaction, ROLLBACK, writer)
    expect(await count(writer)).toBe(before)
    expect((await stub.call('GetFlightInfo', [commandOf('SELECT * FROM only_here')], writer)).code).toBe(NOT_FOUND)
    expect((await stub.call('DoGet', [ticketOf(info)], writer)).code).toBe(NOT_FOUND)
  })

  it('another transaction commits a conflicting change first: the second gets ABORTED', async () => {
    const [first, second] = [await begin(writer), await begin(writer)]
    await update('UPDATE t SET i = 10 WHERE i = 1', writer, first)
    await end(first, COMMIT, writer)
    const { ended } = await update('UPDATE t SET i = 11 WHERE i = 1', writer, second)
    expect([ABORTED, 0]).toContain(ended.code)
    await end(second, ROLLBACK, writer)
  })

  it('a failed statement undid the transaction: COMMIT gets ABORTED, nothing is stored', async () => {
    const before = await count(writer)
    await update('CREATE TABLE one_key (i INTEGER PRIMARY KEY)', writer)
    const transaction = await begin(writer)
    expect((await update('INSERT INTO t VALUES (3)', writer, transaction)).ended.code).toBe(0)
    expect((await update('INSERT INTO one_key VALUES (1), (1)', writer, transaction)).ended.code).not.toBe(0)
    const refused = await end(transaction, COMMIT, writer)
    expect([refused.code, refused.details]).toEqual([ABORTED, expect.stringContaining('nothing of it is stored')])
    expect(await count(writer)).toBe(before)
    // Clients roll back before they begin the next transaction.
    expect((await end(transaction, ROLLBACK, writer)).code).toBe(0)
    expect((await end(transaction, COMMIT, writer)).code).toBe(NOT_FOUND)
    const next = await begin(writer)
    expect((await end(next, COMMIT, writer)).code).toBe(0)
  })

  it('of a reader are read-only', async () => {
    const transaction = await begin(reader)
    expect(await count(reader, transaction)).toBe(2)
    expect((await update('DELETE FROM t', reader, transaction)).ended.code).toBe(PERMISSION_DENIED)
    expect((await end(transaction, COMMIT, reader)).code).toBe(0)
  })

  it('are refused to another principal', async () => {
    const transaction = await begin(writer)
    expect((await end(transaction, ROLLBACK, reader)).code).toBe(PERMISSION_DENIED)
    await expect(stub.info('SELECT 1', reader, transaction)).rejects.toThrow('another principal')
    expect((await end(transaction, ROLLBACK, writer)).code).toBe(0)
  })

  it('client without a session disconnects: its transaction is rolled back, others stay open', async () => {
    const patient = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'writer', key: 'w', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
      limits: { transactionIdleMs: 600_000 },
    })
    const body = packAny('ActionBeginTransactionRequest', ActionBeginTransactionRequest.encode({}).finish())
    const clients = [
      new FlightStub(patient.flight),
      new FlightStub(patient.flight, { 'grpc.use_local_subchannel_pool': 1 }),
    ]
    for (const client of clients)
      await client.call('DoAction', [Action.encode({ type: 'BeginTransaction', body }).finish()], writer)
    const open = () => patient.metric('flightgate_transactions_open')
    expect(await open()).toBe(2)
    clients[1]!.close()
    await expect.poll(open).toBe(1)
    clients[0]!.close()
    await expect.poll(open).toBe(0)
    expect(await patient.stop()).toBe(0)
  })

  it('RETURNING gives more rows than can be stored: the statement fails and changes nothing', async () => {
    const before = await count(writer)
    const sql = "INSERT INTO t SELECT range + 1000000 FROM range(300000) RETURNING i, repeat('x', 100) AS s"
    await expect(stub.info(sql, writer)).rejects.toThrow(/Nothing was changed/)
    expect(await count(writer)).toBe(before)
    const few = await stub.info('INSERT INTO t SELECT range + 1000000 FROM range(2) RETURNING i', writer)
    expect((await stub.call('DoGet', [ticketOf(few)], writer)).code).toBe(0)
    expect(await count(writer)).toBe((before as number) + 2)
    await update('DELETE FROM t WHERE i >= 1000000', writer)
    expect(await gateway.metric('flightgate_transactions_open')).toBe(0)
  })

  it('are limited per principal', async () => {
    const all = [await begin(writer), await begin(writer), await begin(writer), await begin(writer)]
    expect((await tryBegin(writer)).code).toBe(RESOURCE_EXHAUSTED)
    expect(await gateway.metric('flightgate_transactions_open')).toBe(4)
    for (const each of all) expect((await end(each, ROLLBACK, writer)).code).toBe(0)
  })

  it('are rolled back when idle', async () => {
    const hasty = await GatewayProcess.start({ limits: { transactionIdleMs: 500 } })
    const at = new FlightStub(hasty.flight)
    const all = [await begin({}, at), await begin({}, at)]
    await expect.poll(() => hasty.metric('flightgate_transactions_open')).toBe(0)
    for (const each of all) expect((await end(each, COMMIT, {}, at)).code).toBe(NOT_FOUND)
    at.close()
    expect(await hasty.stop()).toBe(0)
  })

  it('client closes its session: its transaction is rolled back', async () => {
    const login = await stub.call('Handshake', [], { authorization: 'Bearer w' })
    const mine = { authorization: String(login.headers!.get('authorization')[0]) }
    const transaction = await begin(mine)
    await update('INSERT INTO t VALUES (99)', mine, transaction)
    await act('CloseSession', none, mine)
    expect((await end(transaction, COMMIT, mine)).code).toBe(NOT_FOUND)
    expect(await count(writer)).toBe(2)
  })

  it('run one statement at a time; a rollback ends a partly read result', async () => {
    const transaction = await begin(writer)
    const info = await stub.info('SELECT range AS i FROM range(100000000)', writer, transaction)
    const session = connect(`http://${gateway.flight}`)
    const unread = openDoGet(session, ticketOf(info), writer)
    const ended = once(unread, 'trailers')
    await once(unread, 'response')
    const busy = await stub.call('GetFlightInfo', [commandOf('SELECT 1', transaction)], writer)
    expect(busy.code).toBe(FAILED_PRECONDITION)
    expect(busy.details).toContain('half read')
    expect((await end(transaction, ROLLBACK, writer)).code).toBe(0)
    unread.resume()
    const [trailers] = await ended
    expect(trailers['grpc-message']).toContain('rolled back')
    session.close()
  })

  it('reject invalid handles, and savepoints where unsupported', async () => {
    expect((await end(Buffer.from('garbage'), COMMIT, writer)).code).toBe(3)
    expect((await act('BeginSavepoint', none, writer)).code).toBe(INVALID_ARGUMENT)
    const transactionId = await begin(writer)
    const savepoint = ActionBeginSavepointRequest.encode({ transactionId, name: 's' }).finish()
    const refused = await act('BeginSavepoint', packAny('ActionBeginSavepointRequest', savepoint), writer)
    expect([refused.code, refused.details]).toEqual([UNIMPLEMENTED, expect.stringContaining('no savepoints')])
    expect((await end(transactionId, ROLLBACK, writer)).code).toBe(0)
  })
})
