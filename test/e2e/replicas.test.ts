import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  CancelFlightInfoRequest,
  CancelFlightInfoResult,
  CancelStatus,
  FlightData,
  FlightDescriptor,
  PollInfo,
  PutResult,
  Result,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginTransactionRequest,
  ActionBeginTransactionResult,
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  ActionEndTransactionRequest,
  CommandPreparedStatementUpdate,
  CommandStatementUpdate,
  DoPutUpdateResult,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { hasHaproxy } from '../fakes/haproxy/haproxy.ts'
import { waitFor } from '../wait-for.ts'
import { Cluster } from './cluster.ts'
import { commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayStub } from './gateway-stub.ts'
import { hasPython, runPython } from './python.ts'
import { readRows } from './read-rows.ts'

type Headers = Readonly<Record<string, string>>
const key: Headers = { 'x-api-key': 'etl-key' }
const none = new Uint8Array(0)
const [COMMIT, ROLLBACK] = [1, 2] as const
const NOT_FOUND = 5
/** No rows for some seconds. */
const SLOW = 'SELECT sum(length(md5(md5(md5(range::VARCHAR)))))::BIGINT AS n FROM range(3000000)'
/** Rows come slowly enough to be kept by a client until it is cancelled. */
const ENDLESS = 'SELECT range AS i FROM range(100000000000) WHERE range % 1000 = 0'

describe.skipIf(!hasHaproxy() || !hasPython())('three replicas behind HAProxy, each call at the next one', () => {
  let cluster: Cluster
  let stub: FlightStub

  beforeAll(async () => {
    cluster = await Cluster.start({ upstream: { init: ['CREATE TABLE t (i INTEGER)'] } })
    stub = new FlightStub(cluster.proxy.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await cluster.stop()).toEqual([0, 0, 0])
  })

  const act = (type: string, body: Uint8Array, headers = key) =>
    stub.call('DoAction', [Action.encode({ type, body }).finish()], headers)
  const begin = async (headers = key) => {
    const body = packAny('ActionBeginTransactionRequest', ActionBeginTransactionRequest.encode({}).finish())
    const { messages, details } = await act('BeginTransaction', body, headers)
    expect(details).toBe('')
    return ActionBeginTransactionResult.decode(unpackAny(Result.decode(messages[0]!).body)!.value).transactionId
  }
  const end = (transactionId: Uint8Array, action: 1 | 2, headers = key) =>
    act(
      'EndTransaction',
      packAny('ActionEndTransactionRequest', ActionEndTransactionRequest.encode({ transactionId, action }).finish()),
      headers,
    )
  const put = async (cmd: Uint8Array) => {
    const flightDescriptor = FlightDescriptor.decode(descriptorOf(cmd))
    const parts = { dataHeader: none, appMetadata: none, dataBody: none }
    const message = FlightData.encode({ flightDescriptor, ...parts }).finish()
    const { code, details, messages } = await stub.call('DoPut', [message], key)
    expect([code, details]).toEqual([0, ''])
    return Number(DoPutUpdateResult.decode(PutResult.decode(messages[0]!).appMetadata).recordCount)
  }
  const update = (query: string, transactionId?: Uint8Array) =>
    put(packAny('CommandStatementUpdate', CommandStatementUpdate.encode({ query, transactionId }).finish()))
  const fetchRows = async (ticket: Uint8Array) => {
    const { messages, code, details } = await stub.call('DoGet', [ticket], key)
    expect([code, details]).toEqual([0, ''])
    return readRows(messages)
  }
  const count = async (transaction?: Uint8Array, where = 'true') => {
    const sql = `SELECT count(*)::INTEGER AS n FROM t WHERE ${where}`
    return (await fetchRows(ticketOf(await stub.info(sql, key, transaction))))[0]!['n']
  }
  const open = () => cluster.metric('flightgate_transactions_open')

  it('uploads, results and errors', async () => {
    expect(await runPython('through_proxy.py', cluster.proxy.uri, '400000', 'etl-key')).toEqual({
      uploaded: 400_000,
      same: true,
      bytes: true,
      sum: true,
      error: expect.stringContaining('nowhere does not exist'),
    })
    for (const replica of cluster.replicas) expect(await replica.metric('flightgate_calls_total')).toBeGreaterThan(1)
  })

  it('the statements of a transaction reach the replica that has it', async () => {
    const transaction = await begin()
    for (let i = 0; i < 4; i++) expect(await update(`INSERT INTO t VALUES (${i})`, transaction)).toBe(1)
    expect([await count(transaction), await count()]).toEqual([4, 0])
    const request = { query: 'INSERT INTO t VALUES (9)', transactionId: transaction }
    const body = packAny(
      'ActionCreatePreparedStatementRequest',
      ActionCreatePreparedStatementRequest.encode(request).finish(),
    )
    const prepared = await act('CreatePreparedStatement', body)
    const { preparedStatementHandle } = ActionCreatePreparedStatementResult.decode(
      unpackAny(Result.decode(prepared.messages[0]!).body)!.value,
    )
    const command = CommandPreparedStatementUpdate.encode({ preparedStatementHandle }).finish()
    for (let i = 0; i < 3; i++) expect(await put(packAny('CommandPreparedStatementUpdate', command))).toBe(1)
    expect((await end(transaction, COMMIT)).code).toBe(0)
    expect(await count()).toBe(7)
    for (let i = 0; i < 3; i++) expect((await end(transaction, COMMIT)).code).toBe(NOT_FOUND)
    const undone = await begin()
    await update('DELETE FROM t', undone)
    expect((await end(undone, ROLLBACK)).code).toBe(0)
    expect([await count(), await open()]).toEqual([7, 0])
  })

  it('the end of a session rolls its transactions back on all replicas', async () => {
    const login = await stub.call('Handshake', [], { authorization: 'Bearer etl-key' })
    const session = { authorization: String(login.headers!.get('authorization')[0]) }
    const transactions = [await begin(session), await begin(session), await begin(session)]
    expect(await open()).toBe(3)
    await act('CloseSession', none, session)
    // The answer does not wait for a replica that takes longer than a second.
    await expect.poll(open).toBe(0)
    expect((await end(transactions[0]!, COMMIT, session)).code).toBe(NOT_FOUND)
  })

  const poll = async (descriptor: Uint8Array) => {
    const { code, details, messages } = await stub.call('PollFlightInfo', [descriptor], key)
    expect([code, details]).toEqual([0, ''])
    return PollInfo.decode(messages[0]!)
  }
  const pollToEnd = async (sql: string) => {
    let last = await poll(commandOf(sql))
    while (last.flightDescriptor) last = await poll(FlightDescriptor.encode(last.flightDescriptor).finish())
    return ticketOf(last.info!)
  }

  it('a polled statement runs once, whichever replicas its polls and its fetch reach', async () => {
    const before = await cluster.metric('flightgate_statements_total')
    expect(await fetchRows(await pollToEnd(SLOW))).toEqual([{ n: 96_000_000n }])
    expect(await cluster.metric('flightgate_statements_total')).toBe(before + 1)
    const change = await pollToEnd('INSERT INTO t VALUES (100)')
    for (let i = 0; i < 3; i++) await fetchRows(change)
    expect(await count(undefined, 'i = 100')).toBe(1)
  })

  it('lists show the statements of all replicas, and a cancel by id reaches the right one', async () => {
    const gateway = new GatewayStub(cluster.proxy.flight)
    const tickets: Uint8Array[] = []
    for (let i = 0; i < 3; i++) tickets.push(ticketOf(await stub.info(ENDLESS, key)))
    // One right after the other, so that the proxy sends them to different replicas.
    const readings = tickets.map((ticket) => stub.call('DoGet', [ticket], key))
    // A list is partial without a replica that takes longer than a second.
    const queries = await waitFor(async () => {
      const all = await gateway.unary('listQueries', { dataSource: '', principal: '' }, key)
      return all.queries.length === 3 && !all.isPartial ? all.queries : undefined
    }, 'the lists of all replicas')
    expect(new Set(queries.map(({ id }) => id.split('-')[0])).size).toBeGreaterThan(1)
    const listed = async () => (await fetch(`http://${cluster.proxy.http}/api/v1/queries`, { headers: key })).json()
    await expect.poll(listed).toMatchObject({ queries: queries.map(({ id }) => ({ id })), partial: false })
    for (const { id } of queries)
      await gateway.unary('cancelQuery', { id }, key).catch(({ code }: { code: number }) => {
        // A replica that takes longer than a second gets the cancellation nevertheless.
        expect(code).toBe(NOT_FOUND)
      })
    for (const reading of readings) expect((await reading).details).toContain('cancelled')
    gateway.close()
  })

  it('CancelFlightInfo ends a result that another replica streams', async () => {
    const info = await stub.info(ENDLESS, key)
    await expect.poll(() => cluster.metric('flightgate_statements_in_flight')).toBe(0)
    const reading = stub.call('DoGet', [ticketOf(info)], key)
    await expect.poll(() => cluster.metric('flightgate_statements_in_flight')).toBe(1)
    const answer = await act('CancelFlightInfo', CancelFlightInfoRequest.encode({ info }).finish())
    expect(CancelFlightInfoResult.decode(Result.decode(answer.messages[0]!).body).status).toBe(
      CancelStatus.CANCEL_STATUS_CANCELLED,
    )
    expect((await reading).details).toContain('cancelled')
  })
})
