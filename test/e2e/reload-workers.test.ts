import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../wait-for.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

const KEYS = [
  { name: 'ann', key: 'ann-key' },
  { name: 'ops', key: 'ops-key', roles: ['admin'] },
]
/** Enough connections for each worker to get some. */
const CONNECTIONS = 8

let gateway: GatewayProcess
beforeAll(async () => {
  gateway = await GatewayProcess.start({ workers: 2, auth: { apiKeys: KEYS } })
})
afterAll(() => gateway?.stop())

/** The status codes of a statement over several connections. */
async function statuses(key: string, source?: string): Promise<number[]> {
  const call = async () => {
    const body = { query: 'SELECT 1', ...(source !== undefined && { data_source: source }) }
    const answer = await postJson(gateway, '/api/v1/query', body, { 'x-api-key': key, connection: 'close' })
    await answer.text()
    return answer.status
  }
  const all: number[] = []
  for (let i = 0; i < CONNECTIONS; i++) all.push(await call())
  return [...new Set(all)]
}

const sources = (more: object = {}) => ({ sources: { demo: { kind: 'duckdb' }, ...more }, defaultSource: 'demo' })

describe('a reload of two workers', () => {
  it('to a new seal key: each redeems tickets that each has made before it, until the old key is gone', async () => {
    const [old, fresh] = ['an old secret of thirty-two or more letters', 'a new secret of thirty-two or more letters']
    const me = { 'x-api-key': 'ops-key' }
    const newStubs = () =>
      Array.from({ length: 4 }, () => new FlightStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 }))
    const [before, after] = [newStubs(), newStubs()]
    await gateway.reload({ auth: { apiKeys: KEYS, sealKeys: [old] } })
    const tickets: Uint8Array[] = []
    // Connections go to the workers in turn.
    for (const stub of before) tickets.push(ticketOf(await stub.info('SELECT 42 AS answer', me)))
    const redeem = async () => {
      const codes: number[] = []
      for (const stub of after) for (const ticket of tickets) codes.push((await stub.call('DoGet', [ticket], me)).code)
      return [...new Set(codes)]
    }
    expect(await gateway.reload({ auth: { apiKeys: KEYS, sealKeys: [fresh, old] } })).toMatchObject({
      changed: ['auth.sealKeys'],
    })
    expect(await redeem()).toEqual([0])
    await gateway.reload({ auth: { apiKeys: KEYS, sealKeys: [fresh] } })
    await waitFor(async () => !(await redeem()).includes(0), 'both workers')
    for (const stub of [...before, ...after]) stub.close()
    await gateway.reload({ auth: { apiKeys: KEYS } })
  })

  it('by SIGHUP changes both', async () => {
    expect(await statuses('ann-key')).toEqual([200])
    const line = await gateway.reload({ ...sources({ extra: { kind: 'duckdb' } }), auth: { apiKeys: [KEYS[1]] } })
    expect(line).toMatchObject({ outcome: 'applied', changed: ['auth.apiKeys.ann', 'sources.extra'] })
    await waitFor(async () => (await statuses('ann-key')).every((status) => status === 401), 'both workers')
    expect(await statuses('ops-key', 'extra')).toEqual([200])
    expect(await gateway.metric('flightgate_config_reloads_total', { outcome: 'applied' })).toBeGreaterThan(0)
    expect(await gateway.metric('flightgate_config_reload_success')).toBe(1)
  })

  it('that one source stops changes none', async () => {
    const broken = { kind: 'duckdb', init: ['SELECT nonsense'] }
    const line = await gateway.reload({ ...sources({ broken }), auth: { apiKeys: KEYS } })
    expect(line).toMatchObject({ outcome: 'refused', problems: [expect.stringMatching(/^sources.broken.init\[0\]: /)] })
    expect(await statuses('ann-key')).toEqual([401])
    expect(await statuses('ops-key', 'extra')).toEqual([200])
  })

  it('by POST /admin/reload at one changes both', async () => {
    gateway.configure({ ...sources(), auth: { apiKeys: KEYS } })
    const dry = await postJson(gateway, '/admin/reload', { dry_run: true }, { 'x-api-key': 'ops-key' })
    expect(await jsonOf(dry)).toMatchObject({ outcome: 'applied', dry_run: true, changed: expect.any(Array) })
    expect(await statuses('ann-key')).toEqual([401])
    const answer = await postJson(gateway, '/admin/reload', {}, { 'x-api-key': 'ops-key' })
    expect(await jsonOf(answer)).toMatchObject({ outcome: 'applied', changed: ['auth.apiKeys.ann', 'sources.extra'] })
    await waitFor(async () => (await statuses('ann-key')).every((status) => status === 200), 'both workers')
    expect(await statuses('ops-key', 'extra')).toEqual([404])
  })

  it('holds for a worker that starts later', async () => {
    await gateway.reload({ auth: { apiKeys: [KEYS[1]] } })
    const { pids } = (await gateway.line(({ event }) => event === 'ready')) as unknown as {
      pids: Record<string, number>
    }
    process.kill(pids['1']!, 'SIGKILL')
    await gateway.line(({ event, msg }) => event === 'worker' && /serves again/.test(String(msg)))
    expect(await statuses('ann-key')).toEqual([401])
  })
})
