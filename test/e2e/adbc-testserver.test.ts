import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdbcTestServer, hasAdbcTestServer, startAdbcTestServer } from '../fakes/adbc-test-server.ts'
import { printSeedOnFailure, SlicingProxy } from '../fakes/slicing-proxy.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const ways = [
  { way: 'directly', isSliced: false },
  { way: 'over a network that cuts everything into small pieces', isSliced: true },
]

describe.runIf(hasPython() && hasAdbcTestServer()).each(ways)(
  'in front of ADBC’s test server, $way',
  ({ isSliced }) => {
    let proxies: SlicingProxy[] = []
    let plain: AdbcTestServer
    let secure: AdbcTestServer
    let gateway: GatewayProcess
    let seen: Record<string, unknown>

    printSeedOnFailure(() => proxies[0])
    beforeAll(async () => {
      plain = await startAdbcTestServer()
      secure = await startAdbcTestServer(true)
      if (isSliced) proxies = await Promise.all([plain, secure].map(({ port }) => SlicingProxy.start(port)))
      const behindTls = {
        kind: 'flightsql',
        uri: `grpc+tls://127.0.0.1:${(proxies[1] ?? secure).port}`,
        tls: { ca: secure.certificate },
      }
      gateway = await GatewayProcess.start({
        auth: { apiKeys: [{ name: 'client', key: 'client-secret', roles: ['writer'] }] },
        sources: {
          plain: {
            kind: 'flightsql',
            uri: `grpc://127.0.0.1:${(proxies[0] ?? plain).port}`,
            headers: { 'x-tenant': 'acme' },
            writes: true,
          },
          token: { ...behindTls, token: 'oauth-source-secret' },
          password: { ...behindTls, username: 'user', password: 'password' },
          wrong: { ...behindTls, token: 'expired' },
        },
        defaultSource: 'plain',
        log: { statements: 'text' },
      })
      seen = await runPython('adbc_testserver.py', gateway.uri)
    })
    afterAll(async () => {
      expect(await gateway.stop()).toBe(0)
      await Promise.all([plain, secure, ...proxies].map((each) => each.stop()))
    })

    it('relays rows when the server announces no schema', () => {
      expect(seen['pyarrow_row']).toEqual([[{ ints: 5 }], 'int32'])
      expect(seen['adbc_row']).toEqual([[5]])
    })

    it('logs in over TLS by token, and by password to a server without Handshake', () => {
      expect([seen['by_token'], seen['by_password']]).toEqual([[[5]], [[5]]])
      expect(seen['by_wrong_token']).toMatchObject({
        status: 'IO',
        text: expect.stringContaining("does not take the gateway's login"),
      })
    })

    it('continues with the handle that a bind returns', () => {
      expect(seen['handle_replaced_by_bind']).toEqual([[5]])
    })

    it('server refuses a prepare or a bind: client gets its error', async () => {
      expect(seen['refused_at_prepare']).toMatchObject({
        status: 'INVALID_ARGUMENT',
        text: expect.stringContaining('expected error (DoAction)'),
      })
      // The server's status is UNKNOWN; its message is in the log only.
      expect(seen['refused_at_bind']).toMatchObject({
        status: 'INTERNAL',
        text: expect.stringContaining('The source plain failed at the statement'),
      })
      const causes = () => gateway.lines.flatMap(({ err }) => (err ? [(err as { message: string }).message] : []))
      await expect.poll(causes).toContain('expected error (DoPut)')
    })

    it.each(['no_bind', 'no_update', 'no_prepared_update', 'no_substrait'])(
      'unsupported request: client gets NOT_IMPLEMENTED: %s',
      (step) => {
        expect(seen[step]).toMatchObject({ error: 'NotSupportedError', status: 'NOT_IMPLEMENTED' })
      },
    )

    it('lists catalogs, and executes incrementally although the server polls only prepared statements', () => {
      expect(seen['objects']).toEqual(['catalog'])
      expect(seen['incremental']).toEqual([1, [[5]]])
    })

    it('closes each prepared statement, also failed ones', async () => {
      const calls = (method: string) =>
        plain.lines.filter((line) => line.includes(`Header: ${method}: content-type`)).length
      await expect.poll(() => calls('CreatePreparedStatement')).toBeGreaterThan(3)
      // The server prepares no statement that it refuses.
      await expect.poll(() => calls('CreatePreparedStatement') - calls('ClosePreparedStatement')).toBe(1)
    })

    it('forwards the source’s headers and the request id, and no other client metadata', async () => {
      const sent = () =>
        plain.lines.flatMap((line) => /Header: GetFlightInfoStatement: (.*)/.exec(line)?.slice(1) ?? [])
      await expect.poll(sent).toContain('x-tenant = acme')
      const names = () => [...new Set(sent().map((header) => header.split(' = ', 1)[0]))].sort()
      await expect
        .poll(names)
        .toEqual([':authority', 'content-type', 'grpc-accept-encoding', 'user-agent', 'x-request-id', 'x-tenant'])
      expect(JSON.stringify([plain.lines, secure.lines])).not.toContain('client-secret')
      expect(JSON.stringify(gateway.lines)).not.toContain('oauth-source-secret')
    })

    it('leaks no connection and no statement', async () => {
      await expect.poll(() => gateway.metric('flightgate_pool_connections', { state: 'in_use' })).toBe(0)
      await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    })
  },
)
