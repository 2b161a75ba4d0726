import { pino } from 'pino'
import { expect, it } from 'vitest'
import { redactConfig } from '../../src/config/redact.ts'
import { startGateway } from '../../src/gateway/gateway.ts'
import { FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { readRows } from '../e2e/read-rows.ts'
import { openSources } from './dummy-source/source.ts'
import { configOf, kindsWithDummy } from './kinds-with-dummy.ts'

it('a new source kind needs one folder and one registration: it is configured, answers, exports metrics and closes', async () => {
  const config = configOf({
    sources: { odd: { kind: 'dummy', answer: 13 }, even: { kind: 'dummy' } },
    defaultSource: 'odd',
  })
  expect(config.warnings).toContain('sources.odd.answer: 13 brings no luck')
  const gateway = await startGateway(config, pino({ level: 'silent' }), kindsWithDummy)
  const stub = new FlightStub(gateway.addresses.flight)
  const ask = async (source: string) => {
    const headers = { 'x-flightgate-source': source }
    const { messages, details } = await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1', headers))], headers)
    expect(details).toBe('')
    return readRows(messages)
  }
  try {
    expect(await ask('odd')).toEqual([{ answer: 13 }])
    expect(await ask('even')).toEqual([{ answer: 42 }])
    const metrics = await (await fetch(`http://${gateway.addresses.http}/metrics`)).text()
    expect(metrics).toContain('flightgate_dummy_answers_total{source="odd",answer="13"} 1')
    expect(metrics).toContain('flightgate_dummy_answers_total{source="even",answer="42"} 1')
    expect(metrics.match(/# TYPE flightgate_dummy_answers_total/g)).toHaveLength(1)
    expect(metrics).toContain('flightgate_slots{source="odd"} 4')
    expect(openSources.size).toBe(2)
  } finally {
    stub.close()
    await gateway.stop()
  }
  expect(openSources.size).toBe(0)
})

it('settings of a new kind are validated like those of any kind', () => {
  const problem = (source: object) => () => configOf({ sources: { a: source } })
  expect(problem({ kind: 'dummy', answer: 2000 })).toThrow('sources.a.answer: must be 0 to 1000')
  expect(problem({ kind: 'dummy', path: 'x' })).toThrow('sources.a.path: only a source of kind duckdb has this setting')
  expect(problem({ kind: 'dumy' })).toThrow('sources.a.kind: must be one of duckdb, flightsql, dremio, bigquery, dummy')
})

it('settings of a new kind are shown unredacted by default, credentials of a server are masked', () => {
  const up = { kind: 'flightsql', uri: 'grpc://h:1', username: 'u', password: 's3cret', headers: { a: 's3cret' } }
  const shown = redactConfig(configOf({ sources: { a: { kind: 'dummy' }, up }, defaultSource: 'a' }), kindsWithDummy)
  expect(shown).toMatchObject({
    sources: { a: { kind: 'dummy', answer: 42 }, up: { uri: 'grpc://h:1', password: '***', headers: { a: '***' } } },
  })
  expect(JSON.stringify(shown)).not.toContain('s3cret')
})
