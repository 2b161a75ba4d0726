import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Action, Result } from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginTransactionRequest,
  ActionBeginTransactionResult,
  ActionEndTransactionRequest,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { OtlpCollector, type ReceivedSpan } from '../fakes/otlp-collector.ts'
import { commandOf, FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'

const service = 'arrow.flight.protocol.FlightService'

describe('tracing with workers', () => {
  let collector: OtlpCollector
  let gateway: GatewayProcess
  const stubs: FlightStub[] = []

  beforeAll(async () => {
    collector = await OtlpCollector.start()
    gateway = await GatewayProcess.start({
      workers: 2,
      tracing: { endpoint: collector.endpoint },
      sources: { demo: { kind: 'duckdb' } },
    })
  })
  afterAll(async () => {
    for (const stub of stubs) stub.close()
    expect(await gateway.stop()).toBe(0)
    await collector.stop()
  })

  it('a call for a transaction of another worker: one trace through both', async () => {
    const owner = new FlightStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 })
    stubs.push(owner)
    const body = packAny('ActionBeginTransactionRequest', ActionBeginTransactionRequest.encode({}).finish())
    const begun = await owner.call('DoAction', [Action.encode({ type: 'BeginTransaction', body }).finish()])
    const { transactionId } = ActionBeginTransactionResult.decode(
      unpackAny(Result.decode(begun.messages[0]!).body)!.value,
    )
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
    // Connections go to the workers in turn, so that one of two is the other's.
    for (let i = 0; i < 2; i++) {
      const stub = new FlightStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 })
      stubs.push(stub)
      const end = await stub.call('GetFlightInfo', [commandOf('SELECT 1', transactionId)], { traceparent })
      expect(end.code).toBe(0)
    }
    const ended = ActionEndTransactionRequest.encode({ transactionId, action: 1 }).finish()
    const end = Action.encode({ type: 'EndTransaction', body: packAny('ActionEndTransactionRequest', ended) }).finish()
    expect((await owner.call('DoAction', [end])).code).toBe(0)
    const count = (all: readonly ReceivedSpan[], wanted: string) => all.filter(({ name }) => name === wanted).length
    // Each process exports its spans in its own time: those of the two calls, and of the one that is passed on.
    const spans = await collector.trace(
      traceId,
      (all) => count(all, 'plan') === 2 && count(all, 'forward') === 1 && count(all, `${service}/GetFlightInfo`) === 3,
    )
    const forward = spans.find(({ name }) => name === 'forward')!
    const byId = (id: string) => spans.find(({ spanId }) => spanId === id)
    const outer = byId(forward.parentId)!
    const inner = spans.find(({ parentId }) => parentId === forward.spanId)!
    expect(outer).toMatchObject({ name: `${service}/GetFlightInfo`, parentId: '00f067aa0ba902b7', kind: 2 })
    expect(inner).toMatchObject({ name: `${service}/GetFlightInfo`, kind: 2 })
    expect(inner.resource['service.instance.id']).not.toBe(outer.resource['service.instance.id'])
    expect(spans.find(({ name, parentId }) => name === 'plan' && parentId === inner.spanId)).toBeDefined()
  })
})
