import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import * as grpc from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Action, BasicAuth, HandshakeRequest, Result } from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginTransactionResult,
  ActionEndTransactionRequest,
  ActionEndTransactionRequest_EndTransaction,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { CertificateAuthority } from '../fakes/certificate.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import type { Json } from './http-client.ts'
import { hasPython, runPython } from './python.ts'
import { readRows } from './read-rows.ts'

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
  const department = new CertificateAuthority(ours)
  const behind = department.issueClient('/CN=etl.example.com')
  const stranger = another.issueClient('/CN=etl.example.com')
  let gateway: GatewayProcess

  const start = (settings: object, others: object = {}) =>
    GatewayProcess.start({
      ...others,
      tls: servers.issue(),
      auth: {
        apiKeys: [{ name: 'etl.example.com', key: 'etl-key' }],
        clientCertificates: {
          ca: ours.file,
          roles: { reader: ['etl.example.com'] },
          groups: { pipelines: ['etl.example.com'] },
          ...settings,
        },
      },
      groups: { pipelines: { members: { quotas: { requestsPerMinute: 600 } } } },
    })

  /** A connection of its own to the Flight port. */
  const stubOf = (of: GatewayProcess, pair?: Pair) => {
    const files = pair ? [readFileSync(pair.key), readFileSync(pair.cert)] : []
    const credentials = grpc.credentials.createSsl(readFileSync(servers.file), ...files)
    return new FlightStub(`localhost:${portOf(of.flight)}`, { 'grpc.use_local_subchannel_pool': 1 }, credentials)
  }

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
    gateway = await start({}, { auditLog: { file: 'stdout' } })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    for (const each of [servers, ours, department, another]) each.remove()
  })

  it('over HTTPS: the name is the principal, if the call carries nothing else', async () => {
    expect(await callerOf(gateway, etl)).toMatchObject({
      status: 200,
      body: { principal: 'cert:etl.example.com', requests_per_minute: { limit: 600 } },
    })
    const keyed = await callerOf(gateway, etl, { 'x-api-key': 'etl-key' })
    expect(keyed).toMatchObject({ status: 200, body: { principal: 'etl.example.com' } })
    expect(await callerOf(gateway, undefined)).toMatchObject({ status: 401 })
    expect(await callerOf(gateway, stranger)).toMatchObject({
      status: 401,
      body: { detail: expect.stringContaining('is not of an authority of this gateway') },
    })
    const refused = (front: string) =>
      gateway.line(
        (line) =>
          line['event'] === 'login_failed' && line['front'] === front && line['authentication'] === 'certificate',
      )
    await refused('http')
    const strange = stubOf(gateway, stranger)
    expect(await strange.call('ListActions', [])).toMatchObject({ code: 16 })
    strange.close()
    await refused('flight')
    expect(await callerOf(gateway, guest)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('The certificate of cert:guest gives no role') },
    })
  })

  it('of an intermediate authority, whose certificate the client sends along: at both ports', async () => {
    expect(await callerOf(gateway, behind)).toMatchObject({ status: 200, body: { principal: 'cert:etl.example.com' } })
    const stub = stubOf(gateway, behind)
    const { messages } = await stub.call('DoGet', [ticketOf(await stub.info('SELECT 42 AS x'))])
    expect(readRows(messages)).toEqual([{ x: 42 }])
    stub.close()
    const alone = { ...behind, cert: `${behind.cert}.alone` }
    writeFileSync(alone.cert, readFileSync(behind.cert, 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/)[0]!)
    expect(await callerOf(gateway, alone)).toMatchObject({ status: 401 })
  })

  it('of two workers: a call without other credentials goes on to the one that has its transaction', async () => {
    const two = await start({ required: true }, { workers: 2, cache: { maxBytes: 0 } })
    const stubs = Array.from({ length: 4 }, () => stubOf(two, etl))
    // One connection after another, so that both workers get some.
    for (const [i, stub] of stubs.entries())
      await stub.call('DoGet', [ticketOf(await stub.info('SELECT 42 AS x'))], { 'x-request-id': `own-${i}` })
    const body = packAny('ActionBeginTransactionRequest', new Uint8Array(0))
    const begun = await stubs[0]!.call('DoAction', [Action.encode({ type: 'BeginTransaction', body }).finish()])
    const { value } = unpackAny(Result.decode(begun.messages[0]!).body)!
    const { transactionId } = ActionBeginTransactionResult.decode(value)
    for (const [i, stub] of stubs.entries()) {
      const info = await stub.info('SELECT 42 AS x', {}, transactionId)
      const end = await stub.call('DoGet', [ticketOf(info)], { 'x-request-id': `forwarded-${i}` })
      expect(readRows(end.messages)).toEqual([{ x: 42 }])
    }
    const end = { transactionId, action: ActionEndTransactionRequest_EndTransaction.END_TRANSACTION_ROLLBACK }
    const rollback = packAny('ActionEndTransactionRequest', ActionEndTransactionRequest.encode(end).finish())
    const act = Action.encode({ type: 'EndTransaction', body: rollback }).finish()
    expect((await stubs.at(-1)!.call('DoAction', [act])).code).toBe(0)
    const foreign = stubOf(two, guest)
    expect((await foreign.call('ListActions', [Buffer.alloc(0)])).code).toBe(grpc.status.PERMISSION_DENIED)
    for (const stub of [...stubs, foreign]) stub.close()
    const runs = (prefix: string) =>
      two.lines.filter(
        ({ event, step, requestId }) => event === 'statement' && step === 'run' && String(requestId).startsWith(prefix),
      )
    await expect.poll(() => [runs('own-').length, runs('forwarded-').length]).toEqual([4, 4])
    expect(new Set(runs('own-').map(({ worker }) => worker))).toEqual(new Set([1, 2]))
    expect(new Set(runs('forwarded-').map(({ worker }) => worker)).size).toBe(1)
    expect(new Set(runs('forwarded-').map(({ principal }) => principal))).toEqual(new Set(['cert:etl.example.com']))
    expect(await two.stop()).toBe(0)
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
    const stub = stubOf(strict)
    const login = (password: string) => {
      const payload = BasicAuth.encode({ username: 'any', password }).finish()
      return stub.call('Handshake', [HandshakeRequest.encode({ protocolVersion: 0n, payload }).finish()])
    }
    // A key that is right is told nothing else than one that is wrong.
    for (const password of ['etl-key', 'wrong'])
      expect(await login(password)).toMatchObject({
        code: grpc.status.UNAUTHENTICATED,
        details: expect.stringContaining('needs a client certificate'),
      })
    stub.close()
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
