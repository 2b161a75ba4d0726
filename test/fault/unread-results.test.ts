import { type ClientHttp2Session, connect } from 'node:http2'
import { afterEach, describe, expect, it } from 'vitest'
import { FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { endOf, openDoGet } from '../e2e/raw-do-get.ts'

const UNREAD = 30
const big = 'SELECT range AS a FROM range(100000000)'

/** Opens results without reading them. */
async function openUnread(gateway: GatewayProcess, session: ClientHttp2Session, headers = {}): Promise<void> {
  const stub = new FlightStub(gateway.flight)
  for (let i = 0; i < UNREAD; i++) openDoGet(session, ticketOf(await stub.info(`${big} -- ${i}`, headers)), headers)
  stub.close()
}

/** Plans and runs a small statement on its own connection; returns its outcome. */
async function runSmall(gateway: GatewayProcess, headers = {}) {
  const stub = new FlightStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 })
  const ticket = ticketOf(await stub.info('SELECT 42', headers))
  const { code, details } = await stub.call('DoGet', [ticket], headers)
  stub.close()
  return { code, details }
}

describe('unread results', () => {
  let gateway: GatewayProcess
  let session: ClientHttp2Session
  const start = async (config: object) => {
    // Equal statements must hold a slot each.
    gateway = await GatewayProcess.start({ cache: { maxBytes: 0 }, ...config })
    session = connect(`http://${gateway.flight}`)
    session.on('error', () => {})
  }
  afterEach(async () => {
    session.destroy()
    await gateway.stop()
  })

  it('of one principal: another principal still gets slots', async () => {
    await start({
      // The other principal waits for no result to lose its slot.
      limits: { contendedStallMs: 3_600_000, stallTimeoutMs: 3_600_000 },
      auth: {
        apiKeys: [
          { name: 'greedy', key: 'key-of-greedy' },
          { name: 'modest', key: 'key-of-modest' },
        ],
      },
    })
    await openUnread(gateway, session, { 'x-api-key': 'key-of-greedy' })
    await expect.poll(() => gateway.metric('flightgate_queued_statements')).toBe(UNREAD - 12)
    for (let i = 0; i < 5; i++)
      expect(await runSmall(gateway, { 'x-api-key': 'key-of-modest' })).toEqual({ code: 0, details: '' })
  })

  it('of one anonymous connection: after contendedStallMs they lose their slots to a waiting one', async () => {
    await start({ limits: { contendedStallMs: 500, stallTimeoutMs: 3_600_000 } })
    await openUnread(gateway, session)
    // A single user may hold all slots.
    await expect.poll(() => gateway.metric('flightgate_queued_statements')).toBe(UNREAD - 16)
    expect(await runSmall(gateway)).toEqual({ code: 0, details: '' })
  })

  it('that lost their slot end with SLOT_LOST and the name of the setting', async () => {
    const limits = { contendedStallMs: 200, stallTimeoutMs: 3_600_000 }
    await start({ limits, sources: { demo: { kind: 'duckdb', maxStreams: 1 } } })
    const stub = new FlightStub(gateway.flight)
    const unread = openDoGet(session, ticketOf(await stub.info(big)))
    stub.close()
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(1)
    expect(await runSmall(gateway)).toMatchObject({ code: 0 })
    expect(await endOf(unread)).toMatchObject({
      status: 8,
      error: 'SLOT_LOST',
      message: expect.stringContaining('limits.contendedStallMs'),
    })
    await expect.poll(() => gateway.metric('flightgate_in_flight_bytes')).toBe(0)
  })
})
