import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { selfSignedCertificate } from '../fakes/certificate.ts'
import { byMethod, FakeUpstream } from '../fakes/fake-upstream.ts'
import { DremioLookalike } from '../fakes/servers.ts'
import { type CallEnd, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython } from './python.ts'
import { openDoGet } from './raw-do-get.ts'

const PAT = 'pat-4711-of-dremio'

/** Runs a statement; returns how its result ended. */
async function read(gateway: GatewayProcess, sql: string): Promise<CallEnd> {
  const stub = new FlightStub(gateway.flight)
  try {
    return await stub.call('DoGet', [ticketOf(await stub.info(sql))])
  } finally {
    stub.close()
  }
}

describe.runIf(hasPython())('the settings of a source in front of Dremio’s look-alike', () => {
  let dremio: DremioLookalike

  beforeAll(async () => {
    dremio = await DremioLookalike.start('--pat', `${PAT}=dremio`)
  })
  afterAll(async () => {
    await dremio.stop()
  })

  const start = (more: object) =>
    GatewayProcess.start({
      sources: {
        lake: { kind: 'dremio', uri: dremio.uri, username: 'dremio', password: 'dremio123', pool: { min: 0 }, ...more },
      },
    })
  const sessions = async (tag: string) =>
    (await dremio.stats()).sessions.filter(({ properties }) => properties['routing_tag'] === tag)
  const withoutFile = (env: NodeJS.ProcessEnv) => {
    const [host, port] = dremio.uri.replace('grpc://', '').split(':')
    return GatewayProcess.startWithoutFile({ DREMIO_HOST: host, DREMIO_PORT: port, ...env })
  }

  it('can all come from the environment, without a file', async () => {
    const gateway = await withoutFile({
      DREMIO_USERNAME: 'dremio',
      DREMIO_PASSWORD: 'dremio123',
      ARROW_POOL_MAX_CONNECTIONS: '4',
      ARROW_POOL_MIN_CONNECTIONS: '3',
      ARROW_POOL_HEALTH_CHECK_INTERVAL: '200ms',
    })
    const connections = (state: string) => gateway.metric('flightgate_pool_connections', { source: 'dremio', state })
    expect((await read(gateway, 'SELECT * FROM tpch.nation')).code).toBe(0)
    await expect.poll(async () => (await connections('idle')) + (await connections('in_use'))).toBe(3)
    // More than the initial checks of the three connections.
    const checks = async () => (await dremio.stats()).recent.filter(({ sql }) => sql === 'SELECT 1').length
    await expect.poll(checks).toBeGreaterThan(9)
    const stub = new FlightStub(gateway.flight)
    const plans = await Promise.all(Array.from({ length: 6 }, () => stub.info("SELECT * FROM fault('hang', 1)")))
    stub.close()
    const session = connect(`http://${gateway.flight}`)
    for (const plan of plans) openDoGet(session, ticketOf(plan))
    await expect.poll(async () => [await connections('in_use'), await connections('waiting')]).toEqual([4, 2])
    session.destroy()
    expect(JSON.stringify(gateway.lines)).not.toContain('dremio123')
    expect(await gateway.stop()).toBe(0)
  })

  it('a personal access token from the environment is sent as bearer token', async () => {
    const { handshakes } = await dremio.stats()
    const gateway = await withoutFile({ DREMIO_TOKEN: PAT, ARROW_POOL_MIN_CONNECTIONS: '0' })
    expect((await read(gateway, 'SELECT * FROM tpch.nation')).code).toBe(0)
    expect((await dremio.stats()).handshakes).toBe(handshakes)
    expect(JSON.stringify(gateway.lines)).not.toContain(PAT)
    expect(await gateway.stop()).toBe(0)
  })

  it.each([
    ['the password', { password: PAT }, 1],
    ['the token', { username: undefined, password: undefined, token: PAT }, 0],
  ])('a personal access token works as %s', async (_what, login, logins) => {
    const before = await dremio.stats()
    const gateway = await start(login)
    expect((await read(gateway, 'SELECT * FROM tpch.nation')).code).toBe(0)
    const after = await dremio.stats()
    expect([after.logins - before.logins, after.rejected_logins - before.rejected_logins]).toEqual([logins, 0])
    expect(after.sessions.at(-1)!.user).toBe('dremio')
    expect(JSON.stringify(gateway.lines)).not.toContain(PAT)
    expect(await gateway.stop()).toBe(0)
  })

  it('wrong personal access token: client gets UNAVAILABLE that points to the operator', async () => {
    const gateway = await start({ username: undefined, password: undefined, token: 'no-such-token' })
    await expect(read(gateway, 'SELECT 1')).rejects.toThrow(
      "14: The source lake does not take the gateway's login: its operator must fix it.",
    )
    expect(await gateway.stop()).toBe(0)
  })

  it('set the properties of Dremio’s sessions', async () => {
    const session = {
      schema: 'tpch',
      routingQueue: 'small',
      routingTag: 'properties',
      routingEngine: 'engine 7',
      quoting: 'BACK_TICK',
    }
    const gateway = await start({ session })
    const { code, messages } = await read(gateway, 'SELECT `n_name` FROM `nation`')
    // A schema and 25 rows.
    expect([code, messages.length]).toEqual([0, 2])
    const [made, ...others] = await sessions('properties')
    expect(made!.properties).toEqual({
      schema: 'tpch',
      routing_queue: 'small',
      routing_tag: 'properties',
      routing_engine: 'engine 7',
      quoting: 'BACK_TICK',
    })
    expect(others).toEqual([])
    expect(await gateway.stop()).toBe(0)
  })

  it('any certificate is accepted only with skipVerify, and the log warns', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-tls-'))
    const { cert, key } = selfSignedCertificate('somebody.else')
    const files = [join(folder, 'cert.pem'), join(folder, 'key.pem')] as const
    writeFileSync(files[0], cert)
    writeFileSync(files[1], key)
    const secure = await DremioLookalike.start('--tls', ...files)
    const warnings: unknown[] = []
    const outcomes: unknown[] = []
    for (const tls of [{ skipVerify: true }, {}]) {
      const gateway = await start({ uri: secure.uri, tls })
      outcomes.push(
        await read(gateway, 'SELECT 1').then(
          ({ code }) => code,
          (error: Error) => error.message,
        ),
      )
      warnings.push(gateway.lines.filter(({ level, msg }) => level === 'warn' && String(msg).includes('skipVerify')))
      expect(await gateway.stop()).toBe(0)
    }
    expect(outcomes).toEqual([0, expect.stringContaining('cannot be reached')])
    expect(warnings).toEqual([
      [
        expect.objectContaining({
          event: 'config',
          msg: 'sources.lake.tls.skipVerify: an attacker on the network path can read and change everything',
        }),
      ],
      [],
    ])
    await secure.stop()
    rmSync(folder, { recursive: true })
  })

  it('message above maxMessageBytes: client gets UPSTREAM_TOO_LARGE, slots are not reduced', async () => {
    const gateway = await start({ maxMessageBytes: 1 << 20 })
    expect((await read(gateway, 'SELECT * FROM tpch.nation')).code).toBe(0)
    const { code, details, trailers } = await read(gateway, "SELECT * FROM fault('big_batch', 2)")
    expect([code, trailers?.get('x-flightgate-error')]).toEqual([8, ['UPSTREAM_TOO_LARGE']])
    expect(details).toMatch(
      /^The source lake sent a message of 209\d{4} bytes, above the limit of 1048576 \(sources\.lake\.maxMessageBytes\)\.$/,
    )
    expect(await gateway.metric('flightgate_slots', { source: 'lake' })).toBe(16)
    expect((await read(gateway, 'SELECT * FROM tpch.nation')).code).toBe(0)
    expect(await gateway.stop()).toBe(0)
  })
})

it('the Dremio Cloud project is sent as a header with the calls of a session', async () => {
  const answer = byMethod({ GetFlightInfo: () => ({ status: 3, text: 'as the test wants it' }) })
  const server = await FakeUpstream.start({ answer })
  const gateway = await GatewayProcess.start({
    sources: {
      lake: {
        kind: 'dremio',
        uri: server.uri,
        username: 'me',
        password: 'secret',
        pool: { min: 0 },
        session: { projectId: '1df71752-a5f5-4a18-9d29-3ec8c1b1f5a1' },
      },
    },
  })
  await expect(read(gateway, 'SELECT 1')).rejects.toThrow('as the test wants it')
  const [planned] = server.of('GetFlightInfo')
  expect(planned!.headers['project_id']).toBe('1df71752-a5f5-4a18-9d29-3ec8c1b1f5a1')
  expect(await gateway.stop()).toBe(0)
  await server.stop()
})
