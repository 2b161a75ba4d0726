import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BigQueryFake, startBigQueryFake } from '../fakes/bigquery/fake.ts'
import { GatewayProcess } from './gateway-process.ts'

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
