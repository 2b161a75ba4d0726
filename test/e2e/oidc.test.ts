import { createHmac } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OidcIssuer } from '../fakes/oidc-issuer.ts'
import { GatewayProcess } from './gateway-process.ts'
import { type Json, jsonOf, postJson } from './http-client.ts'
import { hasPython, runPython } from './python.ts'

const people = [
  { id: 'alice', claims: { email: 'alice@example.com', groups: ['all-staff', 'finance'] } },
  { id: 'root', claims: { email: 'root@example.com', groups: ['all-staff', 'data-platform'] } },
  { id: 'guest', claims: { email: 'guest@example.com', groups: ['guests'] } },
  { id: 'nobody', claims: { email: 'nobody@example.com' } },
  { id: 'carol', claims: { email: 'carol@example.com', groups: ['all-staff', 'contractors'] } },
  { id: 'brief', claims: { email: 'brief@example.com', groups: ['all-staff'] }, ttlS: 6 },
]
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('tokens of OpenID Connect', () => {
  let issuer: OidcIssuer
  let another: OidcIssuer
  let gateway: GatewayProcess

  beforeAll(async () => {
    issuer = await OidcIssuer.start(people)
    another = await OidcIssuer.start(people)
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [{ name: 'dash', key: 'dash-key' }],
        oidc: [
          {
            issuer: issuer.url,
            audience: 'flightgate',
            clockToleranceMs: 0,
            keysCooldownMs: 500,
            timeoutMs: 60_000,
            claims: { principal: 'email' },
            roles: { reader: ['all-staff'], admin: ['data-platform'] },
          },
        ],
      },
      sources: { demo: { kind: 'duckdb' }, second: { kind: 'duckdb' } },
      defaultSource: 'demo',
      groups: {
        finance: {},
        contractors: {
          members: {
            defaultSource: 'second',
            // Long enough for a short statement.
            statementTimeoutMs: 4000,
            quotas: { requestsPerMinute: 60, maxConcurrentStatements: 3 },
          },
        },
      },
    })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    await issuer.close()
    await another.close()
  })

  const query = async (token: string, to = gateway): Promise<{ readonly status: number; readonly body: Json }> => {
    const headers = { authorization: `Bearer ${token}` }
    const answer = await postJson(to, '/api/v1/query', { query: 'SELECT 42 AS x' }, headers)
    return { status: answer.status, body: answer.ok ? undefined : await jsonOf(answer) }
  }
  const refused = (code: string, detail: RegExp) => ({
    body: { code, detail: expect.stringMatching(detail) },
  })

  it('of a member of a group: the principal, with a prefix that API keys cannot have', async () => {
    const headers = { authorization: `Bearer ${await issuer.token('alice')}` }
    const usage = await jsonOf(fetch(`http://${gateway.http}/api/v1/usage`, { headers }))
    expect(usage.principal).toBe('oidc:alice@example.com')
  })

  it.skipIf(!hasPython())(
    'in each way that Python clients pass one; tickets outlive it, for its principal alone',
    async () => {
      const tokens = await Promise.all(['alice', 'alice', 'root'].map((who) => issuer.token(who)))
      expect(tokens[0]).not.toBe(tokens[1])
      const seen = await runPython('oidc_token.py', gateway.uri, ...tokens)
      expect(seen).toEqual({
        pyarrow_bearer: [{ x: 42 }],
        pyarrow_login: [{ x: 42 }],
        adbc_bearer: [[42]],
        adbc_password: [[42]],
        renewed: [{ x: 42 }],
        stolen: { text: expect.stringContaining('belongs to another principal') },
      })
    },
  )

  it('groups give roles: an admin sees what is another’s, a reader does not', async () => {
    const usageOf = async (who: string) =>
      await fetch(`http://${gateway.http}/api/v1/usage?principal=dash`, {
        headers: { authorization: `Bearer ${await issuer.token(who)}` },
      })
    expect((await usageOf('root')).status).toBe(200)
    expect((await usageOf('alice')).status).toBe(403)
  })

  it('groups give what API keys can have: a default source, a time limit, quotas', async () => {
    const headers = { authorization: `Bearer ${await issuer.token('carol')}` }
    const ask = (sql: string) => postJson(gateway, '/api/v1/query', { query: sql }, headers)
    expect(await (await ask('SELECT current_database() AS name')).text()).toContain('second')
    const slow = await jsonOf(ask('SELECT sum(length(md5(md5(range::VARCHAR)))) AS n FROM range(1000000000)'))
    expect(slow.detail).toMatch(/longer than oidc:carol@example.com's 4000 ms \(statementTimeoutMs of its API key or/)
    const usage = await jsonOf(fetch(`http://${gateway.http}/api/v1/usage`, { headers }))
    expect(usage).toMatchObject({ requests_per_minute: { limit: 60 }, concurrent_statements: { limit: 3 } })
  })

  it('a principal of a token may be asked about by its name', async () => {
    const headers = { authorization: `Bearer ${await issuer.token('root')}` }
    const url = `http://${gateway.http}/api/v1/usage?principal=oidc:alice@example.com`
    expect((await fetch(url, { headers })).status).toBe(200)
  })

  it('without a role: refused with the claim that was looked at', async () => {
    expect(await query(await issuer.token('guest'))).toMatchObject(
      refused('FORBIDDEN', /token of oidc:guest@example.com gives no role: its claim groups names none that gives/),
    )
    expect(await query(await issuer.token('nobody'))).toMatchObject(
      refused('FORBIDDEN', /nobody@example.com gives no role: it has no claim groups/),
    )
  })

  it('for another audience: refused with the right one', async () => {
    expect(await query(await issuer.token('alice', 'mail'))).toMatchObject(
      refused('UNAUTHENTICATED', /for another audience: ask the issuer oidc for one for flightgate/),
    )
  })

  it('of another issuer, or with its own name for another’s key: refused', async () => {
    expect(await query(await another.token('alice'))).toMatchObject(refused('UNAUTHENTICATED', /does not know/))
    const forged = await another.forged({ iss: issuer.url, email: 'alice@example.com', groups: ['data-platform'] })
    expect(await query(forged)).toMatchObject(refused('UNAUTHENTICATED', /names no key of the issuer oidc/))
    const sameId = await another.forged({ iss: issuer.url, email: 'x', groups: ['all-staff'] }, { kid: issuer.key.kid })
    expect(await query(sameId)).toMatchObject(refused('UNAUTHENTICATED', /signature of the token is not that/))
  })

  it('expired: refused with EXPIRED_TOKEN, also the bearer token of a login', async () => {
    const token = await issuer.token('brief')
    expect(await query(token)).toMatchObject({ status: 200 })
    await expect
      .poll(() => query(token), { interval: 200 })
      .toMatchObject(refused('EXPIRED_TOKEN', /token of the issuer oidc has expired/))
  })

  it('without a signature, or signed with the public key as a secret: refused', async () => {
    const claims = { iss: issuer.url, aud: 'flightgate', exp: 9_999_999_999, email: 'eve', groups: ['data-platform'] }
    const { kid, publicPem } = issuer.key
    const none = `${base64({ alg: 'none', kid })}.${base64(claims)}.`
    const text = `${base64({ alg: 'HS256', kid })}.${base64(claims)}`
    const hmac = `${text}.${createHmac('sha256', publicPem).update(text).digest('base64url')}`
    for (const token of [none, hmac])
      expect(await query(token)).toMatchObject(refused('UNAUTHENTICATED', /signature that is not allowed/))
    const ownKey = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from('a secret that is long enough for HS256'))
    expect(await query(ownKey)).toMatchObject(refused('UNAUTHENTICATED', /not allowed/))
  })

  it('malformed or huge: refused, and the gateway goes on', async () => {
    const huge = await issuer.forged({ email: 'alice@example.com', groups: Array(3000).fill('group') })
    expect(await query(huge)).toMatchObject(refused('UNAUTHENTICATED', /longer than 16384 characters/))
    for (const token of ['eyA.eyB.c', 'ey..', `${base64([])}.${base64([])}.x`, `${base64({})}.bm90IGpzb24.x`])
      expect(await query(token)).toMatchObject(refused('UNAUTHENTICATED', /malformed|does not know|is wrong/))
    for (const email of ['', 7, 'a\nb', 'x'.repeat(300), undefined])
      expect(await query(await issuer.forged({ email, groups: ['all-staff'] }))).toMatchObject(
        refused('UNAUTHENTICATED', /does not name its caller/),
      )
    expect(
      await query(await issuer.forged({ email: 'a@b', email_verified: false, groups: ['all-staff'] })),
    ).toMatchObject(refused('UNAUTHENTICATED', /not verified/))
    expect(await query(await issuer.token('alice'))).toMatchObject({ status: 200 })
  })

  it('a key that the issuer has replaced: fetched once for all calls, and old tokens end', async () => {
    // The time between two fetches is over.
    await new Promise((resolve) => setTimeout(resolve, 600))
    const old = await issuer.token('alice')
    expect(await query(old)).toMatchObject({ status: 200 })
    issuer.rotate()
    const before = issuer.requests.filter((path) => path === '/jwks').length
    const fresh = await Promise.all(Array.from({ length: 20 }, () => issuer.token('root')))
    const answers = await Promise.all(fresh.map((token) => query(token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(issuer.requests.filter((path) => path === '/jwks').length).toBe(before + 1)
  })

  it('while the issuer is down: keys that are known go on, API keys do not wait', async () => {
    const quiet = await OidcIssuer.start(people)
    const settings = {
      issuer: quiet.url,
      audience: 'flightgate',
      claims: { principal: 'email' },
      defaultRoles: ['reader'],
    }
    const times = { keysRefreshMs: 1000, keysCooldownMs: 0, timeoutMs: 60_000 }
    const second = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'dash', key: 'dash-key' }], oidc: [{ ...settings, ...times }] },
    })
    let count = 0
    const member = async () => await query(await quiet.forged({ email: 'alice@example.com', count: ++count }), second)
    expect(await member()).toMatchObject({ status: 200 })
    quiet.hang()
    // The keys become old, and the request for new ones hangs.
    const hanging = async () => {
      expect(await member()).toMatchObject({ status: 200 })
      return quiet.hanging
    }
    await expect.poll(hanging, { interval: 200 }).toBe(1)
    expect(await member()).toMatchObject({ status: 200 })
    let isAnswered = false
    const stranger = query(await another.forged({ iss: quiet.url, email: 'x' }), second).finally(() => {
      isAnswered = true
    })
    const { status } = await postJson(second, '/api/v1/query', { query: 'SELECT 1' }, { 'x-api-key': 'dash-key' })
    expect([status, isAnswered]).toEqual([200, false])
    quiet.hangUp()
    expect(await stranger).toMatchObject({ status: 503, body: { code: 'ISSUER_UNAVAILABLE', retryable: true } })
    expect(await second.metric('flightgate_oidc_tokens_total', { outcome: 'unavailable' })).toBeGreaterThan(0)
    expect(await second.metric('flightgate_oidc_key_fetches_total', { outcome: 'failed' })).toBeGreaterThan(0)
    expect(await second.stop()).toBe(0)
    await quiet.close()
  })

  it('an issuer that is down when the gateway starts: calls fail for a time, then its tokens work', async () => {
    const late = await OidcIssuer.start(people)
    const token = await late.token('alice')
    late.fail()
    const oidc = [{ issuer: late.url, audience: 'flightgate', defaultRoles: ['reader'] }]
    const second = await GatewayProcess.start({ auth: { oidc } })
    const ask = () => postJson(second, '/api/v1/query', { query: 'SELECT 1' }, { authorization: `Bearer ${token}` })
    expect((await ask()).status).toBe(503)
    late.recover()
    await expect.poll(async () => (await ask()).status, { interval: 200 }).toBe(200)
    expect((await postJson(second, '/api/v1/query', { query: 'SELECT 1' })).status).toBe(401)
    expect(await second.stop()).toBe(0)
    await late.close()
  })
})
