import { copyFileSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CertificateAuthority } from '../fakes/certificate.ts'
import { GatewayProcess } from './gateway-process.ts'
import type { Json } from './http-client.ts'
import { hasPython, runPython } from './python.ts'

interface Pair {
  readonly cert: string
  readonly key: string
}

const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1))

describe('client certificates', () => {
  const servers = new CertificateAuthority()
  const ours = new CertificateAuthority()
  const another = new CertificateAuthority()
  const etl = ours.issueClient('/CN=etl.example.com')
  const guest = ours.issueClient('/CN=guest')
  const stranger = another.issueClient('/CN=etl.example.com')
  let gateway: GatewayProcess

  const start = (settings: object) =>
    GatewayProcess.start({
      tls: servers.issue(),
      auth: {
        apiKeys: [{ name: 'etl.example.com', key: 'etl-key' }],
        clientCertificates: { ca: ours.file, roles: { reader: ['etl.example.com'] }, ...settings },
      },
    })

  /** Who the gateway takes a caller for, by HTTPS. */
  const callerOf = (of: GatewayProcess, pair: Pair | undefined, headers: Record<string, string> = {}) =>
    new Promise<{ readonly status: number; readonly body: Json }>((resolve, reject) => {
      const files = pair && { cert: readFileSync(pair.cert), key: readFileSync(pair.key) }
      const options = { ca: readFileSync(servers.file), ...files, headers, agent: false, port: portOf(of.http) }
      const call = request({ host: 'localhost', path: '/api/v1/usage', ...options }, (answer) => {
        let text = ''
        answer.on('data', (part) => (text += part))
        answer.on('end', () => resolve({ status: answer.statusCode!, body: JSON.parse(text) }))
      })
      call.on('error', reject).end()
    })

  beforeAll(async () => {
    gateway = await start({})
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    for (const each of [servers, ours, another]) each.remove()
  })

  it('over HTTPS: the name is the principal, if the call carries nothing else', async () => {
    expect(await callerOf(gateway, etl)).toMatchObject({ status: 200, body: { principal: 'cert:etl.example.com' } })
    const keyed = await callerOf(gateway, etl, { 'x-api-key': 'etl-key' })
    expect(keyed).toMatchObject({ status: 200, body: { principal: 'etl.example.com' } })
    expect(await callerOf(gateway, undefined)).toMatchObject({ status: 401 })
    expect(await callerOf(gateway, stranger)).toMatchObject({
      status: 401,
      body: { detail: expect.stringContaining('is not of an authority of this gateway') },
    })
    expect(await callerOf(gateway, guest)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('The certificate of cert:guest gives no role') },
    })
  })

  it.skipIf(!hasPython())('over Flight: calls and logins', async () => {
    const uri = `grpc+tls://localhost:${portOf(gateway.flight)}`
    const files = [etl, stranger].flatMap(({ cert, key }) => [cert, key])
    expect(await runPython('client_certificates.py', uri, servers.file, ...files)).toEqual({
      with_certificate: [{ x: 42 }],
      with_login: [{ x: 42 }],
      with_wrong_key: expect.objectContaining({ text: expect.stringContaining('key, password or token is wrong') }),
      with_foreign_certificate: expect.objectContaining({ text: expect.stringContaining('not of an authority') }),
      without_certificate: expect.objectContaining({ text: expect.stringContaining('carries no credentials') }),
    })
  })

  it('required: a key alone is refused, and probes answer without', async () => {
    const strict = await start({ required: true })
    expect(await callerOf(strict, undefined, { 'x-api-key': 'etl-key' })).toMatchObject({
      status: 401,
      body: { detail: expect.stringContaining('needs a client certificate') },
    })
    expect(await callerOf(strict, etl, { 'x-api-key': 'etl-key' })).toMatchObject({
      status: 200,
      body: { principal: 'etl.example.com' },
    })
    expect(await strict.stop()).toBe(0)
  })

  it('names from the alternative names; an authority that the file no longer holds ends its certificates', async () => {
    const file = `${ours.file}.copy`
    copyFileSync(ours.file, file)
    const service = ours.issueClient('/CN=ignored', 'URI:spiffe://example.com/etl,DNS:etl.internal')
    const settings = { ca: file, principal: 'uri', roles: { reader: ['*'] } }
    const watched = await start(settings)
    expect(await callerOf(watched, service)).toMatchObject({ body: { principal: 'cert:spiffe://example.com/etl' } })
    expect(await callerOf(watched, etl)).toMatchObject({ status: 401 })
    copyFileSync(another.file, file)
    await watched.line(({ event }) => event === 'certificate')
    expect(await callerOf(watched, service)).toMatchObject({ status: 401 })
    const next = another.issueClient('/CN=x', 'URI:spiffe://example.com/other')
    expect(await callerOf(watched, next)).toMatchObject({ body: { principal: 'cert:spiffe://example.com/other' } })
    expect(await watched.stop()).toBe(0)
  })
})
