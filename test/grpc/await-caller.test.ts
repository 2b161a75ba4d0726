import * as grpc from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { anonymous } from '../../src/auth/authenticator.ts'
import type { GrpcCall } from '../../src/grpc/server/call.ts'
import { type GrpcLimits, GrpcServer, type GrpcServerOptions } from '../../src/grpc/server/server.ts'
import { GatewayError } from '../../src/query/errors.ts'
import type { Principal } from '../../src/query/types.ts'
import { limits } from './server-limits.ts'

const same = (bytes: Buffer) => bytes
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A server with the method /t/Echo, and a client that calls it. */
async function serve(changes: Partial<GrpcLimits>, authenticate: GrpcServerOptions['authenticate']) {
  const ended: object[] = []
  const onEnd = (call: GrpcCall, error?: GatewayError) => ended.push({ path: call.path, code: error?.code ?? 'OK' })
  const server = new GrpcServer({
    methods: { '/t/Echo': { kind: 'unary', handle: (request) => request } },
    authenticate,
    limits: { ...limits, ...changes },
    observer: { onEnd },
  })
  const { port } = await server.listen('127.0.0.1', 0)
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  closers.push(
    () => server.close(),
    () => client.close(),
  )
  const unary = (path: string, request: Buffer) =>
    new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest(path, same, same, request, (error, answer) => (error ? reject(error) : resolve(answer!)))
    })
  return { server, ended, unary, client }
}

describe('a caller who is authenticated later', () => {
  const never = new Promise<Principal>(() => {})

  it('the call begins then, with all that its client has sent', async () => {
    let found = (_principal: Principal): void => {}
    const caller = new Promise<Principal>((resolve) => {
      found = resolve
    })
    const { unary, server } = await serve({}, () => caller)
    const body = Buffer.alloc(90_000, 'x')
    const answer = unary('/t/Echo', body)
    await expect.poll(() => server.requestMemoryBytes).toBeGreaterThan(body.length)
    found(anonymous)
    expect((await answer).equals(body)).toBe(true)
    await expect.poll(() => server.requestMemoryBytes).toBe(0)
  })

  it('refused: the client gets the error', async () => {
    const refused = Promise.reject(new GatewayError('UNAUTHENTICATED', 'The token is for others.'))
    refused.catch(() => {})
    const { unary, ended } = await serve({}, () => refused)
    await expect(unary('/t/Echo', Buffer.alloc(9))).rejects.toMatchObject({ code: 16, details: /for others/ })
    await expect.poll(() => ended).toEqual([{ path: '/t/Echo', code: 'UNAUTHENTICATED' }])
  })

  it('a client that leaves before that: its memory is free again, and nothing begins', async () => {
    const { client, server } = await serve({}, () => never)
    const call = client.makeUnaryRequest('/t/Echo', same, same, Buffer.alloc(90_000), () => {})
    await expect.poll(() => server.requestMemoryBytes).toBeGreaterThan(90_000)
    expect(server.callCount).toBe(0)
    call.cancel()
    await expect.poll(() => server.requestMemoryBytes).toBe(0)
  })

  it('a client that sends more than callers without credentials may: the call ends with QUEUE_FULL', async () => {
    const { unary } = await serve({ maxRequestMemoryBytes: 1 << 20 }, () => never)
    await expect(unary('/t/Echo', Buffer.alloc(90_000))).rejects.toMatchObject({ code: 8 })
  })
})
