import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayServiceDefinition, StatementStatus } from '../../gen/flightgate/v1/gateway_service.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { failureOf, GatewayStub, sql, streamOf } from './gateway-stub.ts'

const keyOf = (name: string) => ({ 'x-api-key': `key of ${name}` })
const slow = 'SELECT (sum(hash(i)) > 0) AS b FROM range(80000000) r(i)'

describe('calls of the Gateway service, with API keys', () => {
  let upstream: FakeUpstream
  let gateway: GatewayProcess
  let stub: GatewayStub
  beforeAll(async () => {
    upstream = await FakeUpstream.start()
    const uri = `grpc://127.0.0.1:${upstream.port}`
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'ann', key: 'key of ann' },
          { name: 'bob', key: 'key of bob', defaultSource: 'up' },
          { name: 'boss', key: 'key of boss', roles: ['admin'] },
          { name: 'few', key: 'key of few', quotas: { requestsPerMinute: 12 } },
          { name: 'brief', key: 'key of brief', statementTimeoutMs: 300 },
        ],
      },
      sources: {
        demo: { kind: 'duckdb', writes: true },
        up: { kind: 'flightsql', uri, username: 'u', password: 'p' },
      },
      defaultSource: 'demo',
      // Equal statements must each take their time.
      cache: { maxBytes: 0 },
      limits: { streamKeepAliveMs: 20 },
    })
    stub = new GatewayStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
    await upstream.stop()
  })

  it.each(Object.values(GatewayServiceDefinition.methods).map(({ name }) => name))(
    '%s needs credentials, and refuses a request that is no message',
    async (name) => {
      const flight = new FlightStub(gateway.flight)
      const path = `/flightgate.v1.GatewayService/${name}`
      const stranger = await flight.call(path, [Buffer.alloc(0)], { 'x-api-key': 'nope' })
      expect([stranger.code, stranger.trailers!.get('x-flightgate-error')]).toEqual([16, ['UNAUTHENTICATED']])
      const garbage = await flight.call(path, [Buffer.from([0x0a, 0xff])], keyOf('ann'))
      expect([garbage.code, garbage.trailers!.get('x-flightgate-error')]).toEqual([3, ['BAD_REQUEST']])
      flight.close()
    },
  )

  it('roles decide who may change data', async () => {
    const change = { statement: sql('CREATE TABLE t (i INTEGER)') }
    expect(await failureOf(stub.read('execute', change, keyOf('ann')))).toMatchObject({ code: 7, error: 'FORBIDDEN' })
    await stub.read('execute', change, keyOf('boss'))
  })

  it('the source is that of the statement, else that of the header, else that of the key', async () => {
    const sourceOf = async (statement: ReturnType<typeof sql>, headers: Readonly<Record<string, string>>) =>
      (await stub.unary('estimateCost', { statement }, headers)).estimate!.dataSource
    const header = { 'x-flightgate-source': 'up' }
    expect(await sourceOf(sql('SELECT 1'), keyOf('ann'))).toBe('demo')
    expect(await sourceOf(sql('SELECT 1'), keyOf('bob'))).toBe('up')
    expect(await sourceOf(sql('SELECT 1'), { ...keyOf('ann'), ...header })).toBe('up')
    expect(await sourceOf(sql('SELECT 1', { dataSource: 'demo' }), { ...keyOf('ann'), ...header })).toBe('demo')
    const { sources } = await stub.unary('listSources', {}, keyOf('bob'))
    expect(sources.map((each) => [each.name, each.default])).toEqual([
      ['demo', false],
      ['up', true],
    ])
  })

  it('others see and cancel neither a statement nor a ticket; the role admin does', async () => {
    const statement = sql('SELECT hang 1 own', { dataSource: 'up' })
    const reading = failureOf(stub.read('execute', { statement }, keyOf('ann')))
    const listedBy = async (name: string, principal = '') =>
      (await stub.unary('listQueries', { dataSource: 'up', principal }, keyOf(name))).queries
    await expect.poll(() => listedBy('ann')).toHaveLength(1)
    expect(await listedBy('bob')).toEqual([])
    expect(await failureOf(listedBy('bob', 'ann'))).toMatchObject({ code: 7, error: 'FORBIDDEN' })
    const { id } = (await listedBy('boss', 'ann'))[0]!
    expect(await failureOf(stub.unary('cancelQuery', { id }, keyOf('bob')))).toMatchObject({ error: 'UNKNOWN_QUERY' })
    await stub.unary('cancelQuery', { id }, keyOf('boss'))
    expect(await reading).toMatchObject({ code: 1, details: expect.stringContaining('the administrator boss') })

    const planned = await stub.unary('planBatch', { statements: [sql('SELECT 1')], options: undefined }, keyOf('ann'))
    const { outcome } = planned.results[0]!
    if (outcome?.$case !== 'ticket') throw new Error('not planned')
    const { ticket } = outcome.value
    const flight = new FlightStub(gateway.flight)
    const message = Buffer.concat([Buffer.from([0x0a, (ticket.length & 127) | 128, ticket.length >> 7]), ticket])
    expect((await flight.call('DoGet', [message], keyOf('bob'))).trailers!.get('x-flightgate-error')).toEqual([
      'FOREIGN_TICKET',
    ])
    expect((await flight.call('DoGet', [message], keyOf('ann'))).code).toBe(0)
    flight.close()
  })

  it('a batch counts as one request for each of its statements', async () => {
    const ten = Array.from({ length: 10 }, (_, i) => sql(`SELECT ${i}`))
    const batch = () => stub.read('executeBatch', { statements: ten, options: undefined }, keyOf('few'))
    await batch()
    // A window may end before the second one, but not before the third one too.
    expect(await failureOf(batch().then(batch))).toMatchObject({ code: 8, error: 'RATE_LIMITED' })
    const left = async () => {
      await batch().catch(() => {})
      const { requestsPerMinute } = await stub.unary('getUsage', { principal: 'few' }, keyOf('boss'))
      expect(requestsPerMinute!.limit).toBe(12n)
      return requestsPerMinute!.remaining
    }
    await expect.poll(left).toBeLessThan(3n)
  })

  it('the time limit of the key ends a statement', async () => {
    const statement = sql('SELECT hang 1', { dataSource: 'up' })
    expect(await failureOf(stub.read('execute', { statement }, keyOf('brief')))).toMatchObject({ error: 'DEADLINE' })
  })

  it('a result that is silent carries batches without rows, alone and in a batch', async () => {
    const single = await stub.read('execute', { statement: sql(slow) }, keyOf('ann'))
    const several = await stub.read('executeBatch', { statements: [sql(slow)], options: undefined }, keyOf('ann'))
    for (const messages of [single, several]) {
      expect(messages.length).toBeGreaterThan(4)
      expect(tableFromIPC(streamOf(messages)).numRows).toBe(1)
    }
  })

  it('during a drain, results are read to their end and new calls are refused', async () => {
    const draining = await GatewayProcess.start()
    const client = new GatewayStub(draining.flight)
    const big = "SELECT range AS i, repeat('x', 100) AS t FROM range(300000)"
    const statements = [sql(big, { id: 'a' }), sql(`${big} ORDER BY ALL`, { id: 'b' })]
    const stream = client.open('executeBatch', { statements, options: undefined })
    const messages: Parameters<typeof streamOf>[0][number][] = []
    await new Promise((resolve) => stream.once('readable', resolve))
    draining.signal('SIGTERM')
    await draining.line(({ event }) => event === 'drain')
    expect(await failureOf(client.read('execute', { statement: sql('SELECT 1') }))).toMatchObject({ code: 14 })
    for await (const message of stream) messages.push(message)
    for (const id of ['a', 'b']) expect(tableFromIPC(streamOf(messages, id)).numRows).toBe(300_000)
    expect(messages.at(-1)!.part).toMatchObject({ $case: 'summary', value: { succeeded: 2 } })
    client.close()
    expect(await draining.exited).toBe(0)
  })

  it('a statement of a batch that its key may not run is an error of the statement', async () => {
    const messages = await stub.read(
      'executeBatch',
      { statements: [sql('DROP TABLE t', { id: 'drop' }), sql('SELECT 1', { id: 'read' })], options: undefined },
      keyOf('ann'),
    )
    const ended = messages.flatMap(({ id, part }) => (part?.$case === 'result' ? [[id, part.value] as const] : []))
    expect(Object.fromEntries(ended)).toMatchObject({
      drop: { status: StatementStatus.STATEMENT_STATUS_FAILED, error: { code: 'FORBIDDEN', grpcStatus: 7 } },
      read: { status: StatementStatus.STATEMENT_STATUS_SUCCEEDED },
    })
  })
})
