import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightDescriptor, FlightDescriptor_DescriptorType } from '../../gen/arrow/flight/protocol/Flight.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { DremioLookalike } from '../fakes/servers.ts'
import { FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const auth = { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] }
const duckdb = (who: string, ...init: string[]) => ({
  kind: 'duckdb',
  writes: true,
  init: [
    `CREATE TABLE t AS SELECT '${who}' AS who`,
    'CREATE SCHEMA other',
    `CREATE TABLE other.t AS SELECT '${who}, other' AS who`,
    'CREATE TABLE kept (who VARCHAR)',
    ...init,
  ],
})

describe.runIf(hasPython())('three-part names from the catalog', () => {
  let lake: DremioLookalike
  let remote: GatewayProcess
  let gateway: GatewayProcess
  let seen: Record<string, never>

  beforeAll(async () => {
    lake = await DremioLookalike.start('--scale', '0.001')
    remote = await GatewayProcess.start({ sources: { remote: duckdb('remote') } })
    gateway = await GatewayProcess.start({
      auth,
      sources: {
        demo: duckdb('demo', 'CREATE SCHEMA far', "CREATE TABLE far.t AS SELECT 'far in demo' AS who"),
        second: duckdb('second'),
        far: { kind: 'flightsql', uri: remote.uri, writes: true },
        lake: { kind: 'dremio', uri: lake.uri, username: 'dremio', password: 'dremio123' },
      },
      defaultSource: 'demo',
    })
    seen = await runPython('names.py', gateway.uri)
  })
  afterAll(async () => {
    await Promise.all([gateway.stop(), remote.stop(), lake.stop()])
  })

  it('work in SQL for every listed table, quoted or not, in any case', () => {
    expect(seen['typed_back']).toEqual({
      tables: expect.arrayContaining(['demo.main.t', 'second.other.t', 'remote.main.t', 'lake.tpch.nation']),
      failed: [],
    })
  })

  it('choose the source in table positions only', () => {
    const who = (name: string) => [{ who: name }]
    expect(seen['reads']).toEqual({
      default: who('demo'),
      second: who('second'),
      upper: who('second'),
      'two parts': who('second'),
      'two parts of a schema': who('demo, other'),
      'a schema called as a source': who('far in demo'),
      remote: who('remote'),
      'by the name of the source': who('lake.tpch'),
      'columns of a table': 1,
      'joined within': who('second'),
      'in a string': [{ who: 'demo', s: ' FROM second.main.t ' }],
      'in a comment': who('demo'),
      'an alias': [{ x: 'demo' }],
      'a CTE': [{ z: 'demo' }],
      'a function': [{ y: 2024 }],
      'with the header': who('second'),
    })
  })

  it('of two sources: client gets an error that names both', () => {
    const error = { text: expect.stringContaining('several sources (demo, second)') }
    expect(seen['several']).toMatchObject({ ...error, error: 'ArrowInvalid' })
    expect(seen['several_in_an_insert']).toMatchObject({ ...error, status: 'INVALID_ARGUMENT' })
  })

  it('choose the source also for changes, parameters, uploads, prepared and polled statements', () => {
    expect(seen['writes']).toEqual({
      schema: ['who'],
      prepared: [['bound']],
      second: [['bound'], ['taken in']],
      remote: [['a'], ['b'], ['far']],
    })
    expect(seen['polled']).toEqual([['second']])
  })

  it('move an unused transaction to their source; a used one gets an error', () => {
    expect(seen['in_transactions']).toEqual({
      first: [['second']],
      other: expect.stringContaining('commit or roll back first'),
      again: [['demo']],
      undone: [[0]],
      used: [['second']],
    })
  })

  it('USE and the connection’s catalog choose the source for clients with a session', () => {
    expect(seen['use']).toEqual({
      rows: [],
      answers: ['demo', 'second', 'second, other', 'second', 'demo', 'remote', 'second', 'remote', 'demo'],
    })
    expect(seen['use_with_pyarrow']).toEqual([[{ who: 'remote' }], [{ who: 'demo' }]])
    expect(seen['use_nothing']).toMatchObject({ text: expect.stringContaining('"nothing" is no source') })
    expect(seen['use_without_a_session']).toMatchObject({ text: expect.stringContaining('x-flightgate-source') })
  })
})

it('one source hangs: statements for other sources still run', async () => {
  const silent = await FakeUpstream.start({ begin: 'never' })
  const gateway = await GatewayProcess.start({
    sources: { demo: duckdb('demo'), silent: { kind: 'flightsql', uri: silent.uri }, second: duckdb('second') },
    defaultSource: 'demo',
  })
  const stub = new FlightStub(gateway.flight)
  const codeOf = async (sql: string) => {
    const info = await stub.call('GetFlightInfo', [
      FlightDescriptor.encode({ type: FlightDescriptor_DescriptorType.CMD, cmd: Buffer.from(sql), path: [] }).finish(),
    ])
    return info.code
  }
  for (const sql of ['FROM t', 'FROM main.t', 'FROM demo.main.t', 'FROM second.main.t', 'FROM second.t'])
    expect([sql, await codeOf(sql)]).toEqual([sql, 0])
  // The default source refuses a name that no source is known to have.
  expect(await codeOf('FROM nowhere.main.t')).toBe(5)
  stub.close()
  await silent.stop()
  expect(await gateway.stop()).toBe(0)
})
