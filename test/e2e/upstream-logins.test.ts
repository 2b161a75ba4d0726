import { describe, expect, it } from 'vitest'
import { BasicAuth, HandshakeRequest, HandshakeResponse } from '../../gen/arrow/flight/protocol/Flight.ts'
import { byMethod, FakeUpstream } from '../fakes/fake-upstream.ts'
import { infoOf } from '../fakes/flight-messages.ts'
import type { Answer } from '../fakes/upstream-call.ts'
import { FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'

const planned: Answer = { messages: [infoOf([], { schema: new Uint8Array(0) })] }
const refused: Answer = { status: 16, text: 'who are you?' }

const startWith = (table: Parameters<typeof byMethod>[0]) =>
  FakeUpstream.start({ login: false, answer: byMethod(table) })

/** Plans statements at a server behind the gateway; returns for each `OK` or the error's message. */
async function plansOf(server: FakeUpstream, source: object, count = 1): Promise<string[]> {
  const gateway = await GatewayProcess.start({
    sources: { up: { kind: 'flightsql', uri: server.uri, pool: { min: 0, max: 1 }, ...source } },
  })
  const stub = new FlightStub(gateway.flight)
  const codes: string[] = []
  for (let i = 0; i < count; i++)
    codes.push(
      await stub.info(`SELECT ${i}`).then(
        () => 'OK',
        (error: Error) => error.message,
      ),
    )
  stub.close()
  expect(JSON.stringify(gateway.lines)).not.toMatch(/secret|eyJ/)
  expect(await gateway.stop()).toBe(0)
  await server.stop()
  return codes
}

describe('the gateway’s login at an upstream', () => {
  const byMessage = () =>
    startWith({
      Handshake({ messages }) {
        // Like arrow's servers with an auth handler, which read the message first.
        if (messages.length === 0) return { status: 2, text: 'EOF' }
        const { username, password } = BasicAuth.decode(HandshakeRequest.decode(messages[0]!).payload)
        if (username !== 'me' || password !== 'secret') return refused
        return {
          messages: [HandshakeResponse.encode({ protocolVersion: 0n, payload: Buffer.from('token-1') }).finish()],
        }
      },
      GetFlightInfo: ({ headers }) =>
        headers['auth-token-bin'] === Buffer.from('token-1').toString('base64') ? planned : refused,
    })

  it('uses the Handshake message when the upstream ignores headers', async () => {
    expect(await plansOf(await byMessage(), { username: 'me', password: 'secret' }, 3)).toEqual(['OK', 'OK', 'OK'])
  })

  it('upstream refuses it: client gets an error that says so', async () => {
    const [failure] = await plansOf(await byMessage(), { username: 'me', password: 'secret-no-more' })
    expect(failure).toContain("does not take the gateway's login")
  })

  const tokenUntil = (unixMs: number, id: number) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    return `Bearer ${part({ alg: 'none' })}.${part({ exp: Math.floor(unixMs / 1000), id })}.secret`
  }

  it.each([
    ['renewed before the token expires', 30_000, 3],
    ['not renewed while the token is valid', 3_600_000, 1],
  ])('is %s', async (_what, lifeMs, logins) => {
    let issued = 0
    let current = ''
    const server = await startWith({
      Handshake() {
        current = tokenUntil(Date.now() + lifeMs, ++issued)
        return { headers: { authorization: current } }
      },
      GetFlightInfo: ({ headers }) => (headers['authorization'] === current ? planned : refused),
    })
    expect(await plansOf(server, { username: 'me', password: 'secret' }, 2)).toEqual(['OK', 'OK'])
    // One login on connect, then one before each call whose token is about to expire.
    expect(server.of('Handshake')).toHaveLength(logins)
  })
})
