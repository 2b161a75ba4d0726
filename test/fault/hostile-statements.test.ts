import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandOf, FlightStub } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { Latency } from './latency.ts'

const LENGTH = 1_000_000
const AT_A_TIME = 10
/** Ends the hostile calls: DuckDB's own time for such a statement is not under test. */
const HOSTILE_DEADLINE_MS = 3000
const filled = (before: string, unit: string) => before + unit.repeat((LENGTH - before.length) / unit.length)

/** Statements that make a naive text reader backtrack. */
const hostile = [
  ['empty comments after a name', `${filled('SELECT l.query', '/**/')} FROM t`],
  ['open comments after names', filled('SELECT ', 'query/*')],
  ['quotes of all kinds', filled('SELECT ', `'"\``)],
  ['dollars', filled('SELECT ', '$a')],
  ['comments before an INSERT', `${filled('', '--\n')}INSERT INTO t VALUES (1)`],
] as const

describe('statements that are expensive to parse', () => {
  let gateway: GatewayProcess
  let upstream: FakeUpstream
  let innocent: FlightStub
  let attacker: FlightStub

  beforeAll(async () => {
    upstream = await FakeUpstream.start()
    gateway = await GatewayProcess.start({
      sources: {
        demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE t (i INTEGER)'] },
        up: { kind: 'flightsql', uri: `grpc://127.0.0.1:${upstream.port}`, token: upstream.token, writes: true },
      },
      defaultSource: 'demo',
    })
    innocent = new FlightStub(gateway.flight)
    attacker = new FlightStub(gateway.flight, {
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
    })
    await innocent.info('SELECT 1')
  })
  afterAll(async () => {
    innocent.close()
    attacker.close()
    expect(await gateway.stop()).toBe(0)
    await upstream.stop()
  })

  it.each(hostile)('other clients are answered in time: %s', async (_what, sql) => {
    const calls = ['demo', 'up'].flatMap((source) =>
      Array.from({ length: AT_A_TIME }, () =>
        attacker.call('GetFlightInfo', [commandOf(sql)], { 'x-flightgate-source': source }, HOSTILE_DEADLINE_MS),
      ),
    )
    let isOver = false
    const ends = Promise.all(calls).finally(() => {
      isOver = true
    })
    const latency = new Latency(gateway.pid)
    do {
      for (const headers of [{}, { 'x-flightgate-source': 'up' }])
        await latency.of(() => innocent.info('SELECT 1', headers))
    } while (!isOver)
    latency.expectShort()
    await ends
  })
})
