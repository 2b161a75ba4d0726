import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Action, Result as ActionResult, FlightInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  CommandGetTables,
  CommandPreparedStatementQuery,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { DremioLookalike } from '../fakes/servers.ts'
import { descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'
import { hasPython } from './python.ts'

const PAT = 'pat-of-ann'
/** Principals whose login Dremio refuses; more failures in a row than open a circuit breaker. */
const refused = Array.from({ length: 8 }, (_, i) => `old${i}`)
const names = ['ann', 'bob', 'cid', 'dot', 'eve', ...refused]
/** Both are in the group `team`. */
const team = new Set(['cid', 'dot'])
const keyOf = (name: string) => ({ 'x-api-key': `key-of-${name}` })

describe.runIf(hasPython())('Dremio with the identity of the caller', () => {
  let dremio: DremioLookalike
  let gateway: GatewayProcess
  let flight: FlightStub
  let lake: Readonly<Record<string, unknown>> & { readonly identity: Readonly<Record<string, object | string>> }

  beforeAll(async () => {
    const users = ['service:s-secret', 'ann:-', 'bob:b-secret', 'team:t-secret'].flatMap((user) => ['--user', user])
    dremio = await DremioLookalike.start(...users, '--pat', `${PAT}=ann`, '--deny', 'bob:region')
    lake = {
      kind: 'dremio',
      uri: dremio.uri,
      username: 'service',
      password: 's-secret',
      pool: { min: 1, idleTimeoutMs: 300, healthCheckIntervalMs: 100 },
      identity: {
        mode: 'impersonate',
        principals: {
          ann: { token: PAT },
          bob: { username: 'bob', password: 'b-secret' },
          ...Object.fromEntries(refused.map((name) => [name, { username: 'bob', password: 'old-secret' }])),
        },
        groups: { team: { username: 'team', password: 't-secret' } },
      },
    }
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: names.map((name) => ({
          name,
          key: `key-of-${name}`,
          ...(team.has(name) && { groups: ['team'] }),
        })),
      },
      groups: { team: {} },
      sources: {
        lake,
        open: { ...lake, pool: { min: 0 }, identity: { ...lake.identity, others: 'own' } },
        other: { kind: 'duckdb' },
      },
      defaultSource: 'lake',
    })
    flight = new FlightStub(gateway.flight)
  })
  beforeEach(async () => {
    await dremio.control('reset')
  })
  afterAll(async () => {
    flight.close()
    expect(JSON.stringify(gateway.lines)).not.toMatch(/secret|pat-of-|key-of-/)
    expect(await gateway.stop()).toBe(0)
    await dremio.stop()
  })

  /** Who ran the statement at Dremio, in order. */
  const usersOf = async (sql: string) =>
    (await dremio.stats()).recent.filter((each) => each.sql === sql).map(({ user }) => user)
  const readFlight = async (name: string, sql: string, source = 'lake') => {
    const headers = { ...keyOf(name), 'x-flightgate-source': source }
    const { code, details } = await flight.call('DoGet', [ticketOf(await flight.info(sql, headers))], headers)
    expect([code, details]).toEqual([0, ''])
  }
  const readHttp = async (name: string, sql: string) => {
    const response = await postJson(gateway, '/api/v1/query', { query: sql }, keyOf(name))
    expect(response.status).toBe(200)
    // The rows are in the cache when the answer has ended.
    await response.text()
  }
  const readPrepared = async (name: string, sql: string) => {
    const request = ActionCreatePreparedStatementRequest.encode({ query: sql, transactionId: undefined })
    const body = packAny('ActionCreatePreparedStatementRequest', request.finish())
    const action = Action.encode({ type: 'CreatePreparedStatement', body }).finish()
    const created = await flight.call('DoAction', [action], keyOf(name))
    const any = unpackAny(ActionResult.decode(created.messages[0]!).body)!
    const { preparedStatementHandle } = ActionCreatePreparedStatementResult.decode(any.value)
    const command = CommandPreparedStatementQuery.encode({ preparedStatementHandle }).finish()
    const asked = [descriptorOf(packAny('CommandPreparedStatementQuery', command))]
    const planned = await flight.call('GetFlightInfo', asked, keyOf(name))
    const info = FlightInfo.decode(planned.messages[0]!)
    expect((await flight.call('DoGet', [ticketOf(info)], keyOf(name))).code).toBe(0)
  }
  /** The answer to GetTables for all sources. */
  const tables = async (name: string): Promise<string> => {
    const command = CommandGetTables.encode({ tableTypes: [], includeSchema: false }).finish()
    const planned = await flight.call(
      'GetFlightInfo',
      [descriptorOf(packAny('CommandGetTables', command))],
      keyOf(name),
    )
    expect([planned.code, planned.details]).toEqual([0, ''])
    const end = await flight.call('DoGet', [ticketOf(FlightInfo.decode(planned.messages[0]!))], keyOf(name))
    expect([end.code, end.details]).toEqual([0, ''])
    return Buffer.concat(end.messages).toString('latin1')
  }

  it.each([
    ['Flight', readFlight],
    ['HTTP', readHttp],
    ['prepared statements', readPrepared],
  ] as const)('%s: each caller is a user of its own, and no cached result crosses', async (front, read) => {
    const sql = `SELECT n_name AS "${front}" FROM tpch.nation`
    for (const name of ['ann', 'bob', 'cid', 'ann', 'bob', 'cid']) await read(name, sql)
    // Each second read comes from the cache of its principal.
    expect(await usersOf(sql)).toEqual(['ann', 'bob', 'team'])
  })

  it('shares no run between callers that ask at the same time', async () => {
    const sql = 'SELECT n_name AS together FROM tpch.nation'
    await Promise.all(['ann', 'bob', 'cid', 'dot'].map((name) => readFlight(name, sql)))
    expect((await usersOf(sql)).sort()).toEqual(['ann', 'bob', 'team', 'team'])
  })

  it('the permissions of Dremio hold: for statements, also if another caller has read the rows before, and for metadata', async () => {
    const sql = 'SELECT r_name FROM tpch.region'
    await readFlight('ann', sql)
    await expect(flight.info(sql, keyOf('bob'))).rejects.toThrow('7: bob lacks SELECT on region.')
    expect(await usersOf(sql)).toEqual(['ann'])
    expect(await tables('ann')).toContain('region')
    expect(await tables('bob')).not.toContain('region')
    expect(await tables('bob')).toContain('nation')
  })

  it('a ticket of one caller is refused for another one', async () => {
    const ticket = ticketOf(await flight.info('SELECT n_name AS mine FROM tpch.nation', keyOf('ann')))
    expect((await flight.call('DoGet', [ticket], keyOf('bob'))).code).not.toBe(0)
    expect(await usersOf('SELECT n_name AS mine FROM tpch.nation')).toEqual([])
  })

  it('a caller without a login is refused, and metadata of several sources leaves the source out', async () => {
    const at = 'sources.lake.identity'
    await expect(flight.info('SELECT 1', keyOf('eve'))).rejects.toThrow(
      `7: No login stands for eve at the source lake: ${at}.principals or ${at}.groups must have one.`,
    )
    const { status, headers } = await postJson(gateway, '/api/v1/query', { query: 'SELECT 1' }, keyOf('eve'))
    expect([status, headers.get('x-flightgate-error')]).toEqual([403, 'FORBIDDEN'])
    const listed = await tables('eve')
    expect(listed).toContain('open')
    expect(listed).not.toContain('lake')
    expect(await usersOf('SELECT 1')).not.toContain('eve')
    await readFlight('eve', 'SELECT n_name AS open FROM tpch.nation', 'open')
    await readFlight('bob', 'SELECT n_name AS open FROM tpch.nation', 'open')
    expect(await usersOf('SELECT n_name AS open FROM tpch.nation')).toEqual(['service', 'bob'])
  })

  it('Dremio refuses a login: its caller gets UPSTREAM_FORBIDDEN, the others go on, and the user is not locked out', async () => {
    const said = (name: string) =>
      `The source lake refuses the login that stands for the principal ${name}: its operator must check sources.lake.identity.`
    for (const name of refused)
      for (let i = 0; i < 3; i++) await expect(flight.info('SELECT 2', keyOf(name))).rejects.toThrow(`7: ${said(name)}`)
    const tries = (await dremio.stats()).rejected_logins
    // The gateway does not try again for some seconds.
    expect(tries).toBeLessThanOrEqual(2 * refused.length)
    const answer = await jsonOf(postJson(gateway, '/api/v1/query', { query: 'SELECT 2' }, keyOf('old0')))
    expect(answer).toMatchObject({ code: 'UPSTREAM_FORBIDDEN', detail: said('old0') })
    expect(await gateway.metric('flightgate_breaker_open', { source: 'lake' })).toBe(0)
    await readFlight('bob', 'SELECT n_name AS later FROM tpch.nation')
    expect(await usersOf('SELECT n_name AS later FROM tpch.nation')).toEqual(['bob'])
  })

  it('Dremio takes a login back: the next statement on an open connection is refused, also for others of the group', async () => {
    await readFlight('cid', 'SELECT n_name AS before FROM tpch.nation')
    await dremio.control('revoke', { user: 'team' })
    await expect(flight.info('SELECT n_name AS after FROM tpch.nation', keyOf('dot'))).rejects.toThrow(
      '7: The source lake refuses the login that stands for the group team:',
    )
    expect(await usersOf('SELECT n_name AS after FROM tpch.nation')).toEqual([])
    expect(await gateway.metric('flightgate_breaker_open', { source: 'lake' })).toBe(0)
  })

  it('closes the idle connections of a caller, and checks the health as the user of the source', async () => {
    await readFlight('ann', 'SELECT n_name AS idle FROM tpch.nation')
    const connections = () => gateway.metric('flightgate_pool_connections', { source: 'lake' })
    // The one of the source stays.
    await expect.poll(connections).toBe(1)
    await dremio.control('reset')
    await expect.poll(() => usersOf('SELECT 1')).not.toEqual([])
    expect(new Set(await usersOf('SELECT 1'))).toEqual(new Set(['service']))
  })

  it('a changed login is in force after a reload, also for tickets and rows from before', async () => {
    const sql = 'SELECT n_name AS moved FROM tpch.nation'
    const [ticket, other] = [ticketOf(await flight.info(sql, keyOf('bob'))), 'SELECT n_name AS stored FROM tpch.nation']
    await readFlight('bob', other)
    const { identity } = lake
    const principals = { ...(identity['principals'] as object), bob: { token: PAT } }
    const sources = { lake: { ...lake, identity: { ...identity, principals } }, other: { kind: 'duckdb' } }
    expect(await gateway.reload({ sources })).toMatchObject({ outcome: 'applied' })
    expect((await flight.call('DoGet', [ticket], keyOf('bob'))).code).toBe(0)
    await readFlight('bob', other)
    expect(await usersOf(sql)).toEqual(['ann'])
    expect(await usersOf(other)).toEqual(['bob', 'ann'])
  })
})
