import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BigQueryFake, startBigQueryFake } from '../fakes/bigquery/fake.ts'
import { IamCredentialsFake } from '../fakes/iam-credentials.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

const TOKEN = 'ya29.token-that-is-accepted'
const REVOKED = 'ya29.token-that-was-revoked'
const SUBJECT = 'subject-token-of-the-workload'

let folder: string
let fake: BigQueryFake
let tokens: Server
/** Tokens in the order in which the token server gives them out; the last one again and again. */
let given: string[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flightgate-login-'))
  fake = await startBigQueryFake({ token: TOKEN })
  tokens = createServer((_, response) => {
    const access_token = given.length > 1 ? given.shift() : given[0]
    const issued_token_type = 'urn:ietf:params:oauth:token-type:access_token'
    response.setHeader('content-type', 'application/json')
    response.statusCode = access_token === undefined ? 400 : 200
    response.end(
      JSON.stringify(
        access_token === undefined
          ? { error: 'invalid_grant' }
          : { access_token, issued_token_type, token_type: 'Bearer', expires_in: 3600 },
      ),
    )
  })
  await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve))
  writeFileSync(join(folder, 'subject'), SUBJECT)
})

afterAll(async () => {
  tokens?.close()
  await fake?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A key file of workload identity federation, whose token server may be anywhere. */
function keyFile(): string {
  const file = join(folder, 'key.json')
  const content = {
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`,
    credential_source: { file: join(folder, 'subject') },
  }
  writeFileSync(file, JSON.stringify(content))
  return file
}

it.each([
  ['a key file logs in', [TOKEN], 200],
  ['a token that BigQuery refuses is replaced by another one', [REVOKED, TOKEN], 200],
  ['tokens that BigQuery refuses tell that the operator must fix the login', [REVOKED], 502],
  ['a login that is refused tells the same', [], 502],
])('%s, and no credential is logged or told', async (_, sequence, status) => {
  given = [...sequence]
  const warehouse = { kind: 'bigquery', projectId: 'test-project', endpoint: fake.endpoint, keyFile: keyFile() }
  const gateway = await GatewayProcess.start({ sources: { warehouse }, log: { level: 'debug' } })
  try {
    const response = await fetch(`http://${gateway.http}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'SELECT 1 AS a' }),
    })
    const told = await response.text()
    expect([response.status, told]).toEqual([
      status,
      expect.stringContaining(status === 200 ? '"a"' : 'UPSTREAM_LOGIN'),
    ])
    const logged = JSON.stringify([gateway.lines, gateway.noise, told])
    for (const secret of [TOKEN, REVOKED, SUBJECT]) expect(logged).not.toContain(secret)
  } finally {
    await gateway.stop()
  }
})

it('impersonation: the account of each caller, tokens kept until they end, a refusal that names the missing role', async () => {
  given = [TOKEN]
  const iam = await IamCredentialsFake.start()
  const open = await startBigQueryFake()
  const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => `${name}@p.iam.gserviceaccount.com`) as [
    string,
    string,
    string,
  ]
  const warehouse = {
    kind: 'bigquery',
    projectId: 'test-project',
    endpoint: open.endpoint,
    iamEndpoint: iam.endpoint,
    keyFile: keyFile(),
    identity: {
      mode: 'impersonate',
      principals: { ann, eve, dan: 'dan@p.iam.gserviceaccount.com' },
      groups: { crew: bob },
    },
  }
  const apiKeys = ['ann', 'bob', 'eve', 'dan'].map((name) => ({ name, key: `key of ${name}`, groups: ['crew'] }))
  const gateway = await GatewayProcess.start({
    sources: { warehouse },
    auth: { apiKeys },
    groups: { crew: {} },
    cache: { maxBytes: 0 },
  })
  const ask = (name: string, sql = 'SELECT 1 AS a') =>
    postJson(gateway, '/api/v1/query', { query: sql }, { 'x-api-key': `key of ${name}` })
  let told = 0
  /** Credentials of the calls since the last time. */
  const seen = () => {
    const fresh = open.requests.slice(told)
    told = open.requests.length
    return new Set(fresh.map(({ headers }) => headers['authorization']))
  }
  try {
    iam.denied.add(eve)
    for (const [name, account, i] of [
      ['ann', ann, 1],
      ['bob', bob, 2],
    ] as const) {
      expect((await ask(name)).status).toBe(200)
      expect((await ask(name, 'SELECT 2 AS a')).status).toBe(200)
      // The statements of one caller share a token.
      expect(iam.requests).toHaveLength(i)
      expect(iam.requests.at(-1)).toMatchObject({
        account,
        authorization: `Bearer ${TOKEN}`,
        body: { scope: ['https://www.googleapis.com/auth/bigquery'], lifetime: '3600s' },
      })
      expect(seen()).toEqual(new Set([`Bearer token-${i}-of-${account}`]))
    }
    const refused = await ask('eve')
    expect(refused.status).toBe(403)
    expect(await jsonOf(Promise.resolve(refused))).toMatchObject({
      code: 'UPSTREAM_FORBIDDEN',
      detail: expect.stringMatching(/may not act as the service account eve@p.*roles\/iam.serviceAccountTokenCreator/),
    })
    expect(open.requests.length).toBe(told)
    expect((await ask('ann')).status).toBe(200)
    // A token that is about to end is not used again.
    iam.ttlMs = 1000
    expect((await ask('dan')).status).toBe(200)
    const before = iam.requests.length
    expect((await ask('dan', 'SELECT 2 AS a')).status).toBe(200)
    expect(iam.requests.length).toBeGreaterThan(before)
  } finally {
    await gateway.stop()
    iam.close()
    await open.close()
  }
})
