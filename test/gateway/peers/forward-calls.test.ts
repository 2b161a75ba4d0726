import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { anonymous } from '../../../src/auth/authenticator.ts'
import { forwardCalls } from '../../../src/gateway/peers/forward-calls.ts'
import { Peers } from '../../../src/gateway/peers/peers.ts'
import { ReplicaDirectory } from '../../../src/gateway/peers/replica-directory.ts'
import type { GrpcCall } from '../../../src/grpc/server/call.ts'
import type { Methods } from '../../../src/grpc/server/method.ts'
import { GrpcServer } from '../../../src/grpc/server/server.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import { OwnedElsewhere } from '../../../src/query/replicas/owned-elsewhere.ts'
import { Sealer, SealKind } from '../../../src/query/seal/sealer.ts'
import { MemoryStore } from '../../../src/state/memory.ts'
import { limits, log } from '../../grpc/server-limits.ts'

const [FIRST, SECOND, THIRD] = ['00000000000a', '00000000000b', '00000000000c']
const NOT_FOUND = 5
const UNAVAILABLE = 14
const same = (bytes: Buffer) => bytes
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Replica {
  readonly self: string
  readonly server: GrpcServer
  readonly directory: ReplicaDirectory
  readonly port: number
  /** Calls that a method has taken, in their order. */
  readonly calls: GrpcCall[]
}

/** A process whose methods answer if it is `SECOND`, and otherwise tell that `SECOND` has what they need. */
async function start(self: string, store: MemoryStore, isEnabled = true): Promise<Replica> {
  const calls: GrpcCall[] = []
  const find = (call: GrpcCall) => {
    calls.push(call)
    if (self !== SECOND) throw new OwnedElsewhere(SECOND)
  }
  const methods: Methods = {
    '/t/Unary': {
      kind: 'unary',
      handle: async (request, call) => {
        find(call)
        if (request.toString() === 'bad')
          throw new GatewayError('BAD_SQL', 'No such column: ü.', {
            position: { line: 2, column: 7 },
            retryAfterMs: 1500,
          })
        call.sendHeaders({ 'set-cookie': 'a=b' })
        call.trailers = { bill: '12' }
        return Buffer.from(`${call.header('x-api-key')} ${call.header('user-agent')} ${request}`)
      },
    },
    '/t/Rows': {
      kind: 'serverStream',
      handle: async (request, call) => {
        find(call)
        for (let i = 0; i < Number(request); i++) {
          const chunk = Buffer.alloc(100_000, i)
          await call.send({ chunks: [chunk], byteLength: chunk.length, rows: 1 })
        }
      },
    },
    '/t/Upload': {
      kind: 'bidi',
      handle: async (requests, call) => {
        const first = await requests.next()
        find(call)
        let bytes = first.done ? 0 : first.value.length
        for await (const message of requests) bytes += message.length
        await call.sendMessage(Buffer.from(String(bytes)))
      },
    },
  }
  const sealer = new Sealer(['one key of all replicas'])
  const directory = new ReplicaDirectory(self, store, sealer, log)
  const peers = new Peers({
    directory,
    sealer,
    isEnabled,
    tls: { skipVerify: false },
    maxAnswerBytes: 1 << 20,
    tokenOf: () => undefined,
  })
  const server = new GrpcServer({
    methods: forwardCalls(methods, peers),
    authenticate: () => anonymous,
    limits,
    observer: { onEnd() {} },
  })
  const { port } = await server.listen('127.0.0.1', 0)
  await directory.join({ host: '127.0.0.1', port, tls: false })
  closers.push(
    () => peers.close(),
    () => server.close(),
    () => directory.leave(),
  )
  return { self, server, directory, port, calls }
}

async function pair(isEnabled = true) {
  const store = new MemoryStore(1 << 20)
  const [first, second] = [await start(FIRST, store, isEnabled), await start(SECOND, store, isEnabled)]
  const client = new grpc.Client(`127.0.0.1:${first.port}`, grpc.credentials.createInsecure())
  closers.push(() => client.close())
  return { first, second, call: callWith(client), client, store }
}

/** An address as a process seals it. */
function sealedBy(sealer: Sealer, self: string, address: object): Uint8Array {
  return sealer.seal(SealKind.replica, self, Date.now() + 60_000, Buffer.from(JSON.stringify(address)))
}

function callWith(client: grpc.Client) {
  return async (
    path: string,
    requests: readonly Buffer[],
    headers: Record<string, string> = {},
    deadlineMs = 10_000,
  ) => {
    const metadata = new grpc.Metadata()
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
    const call = client.makeBidiStreamRequest(path, same, same, metadata, { deadline: Date.now() + deadlineMs })
    const messages: Buffer[] = []
    let answer: grpc.Metadata | undefined
    call.on('metadata', (received) => (answer = received))
    call.on('data', (message: Buffer) => messages.push(message))
    call.on('error', () => {})
    for (const request of requests) call.write(request)
    call.end()
    const status = await new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve))
    return { ...status, messages, answer }
  }
}

describe('a call whose transaction another replica has', () => {
  it('gets the answer of that replica, with its headers and trailers, as if the client had called it', async () => {
    const { call, second } = await pair()
    const { code, messages, answer, metadata } = await call('/t/Unary', [Buffer.from('q')], { 'x-api-key': 'secret' })
    expect(code).toBe(0)
    expect(messages[0]!.toString()).toMatch(/^secret grpc-node-js\/[\d.]+ q$/)
    expect(answer!.get('set-cookie')).toEqual(['a=b'])
    expect(metadata.get('bill')).toEqual(['12'])
    expect(second.calls).toHaveLength(1)
  })

  it('gets its error with all details', async () => {
    const { call, second } = await pair()
    const relayed = await call('/t/Unary', [Buffer.from('bad')], { 'x-request-id': 'r1' })
    const direct = new grpc.Client(`127.0.0.1:${second.port}`, grpc.credentials.createInsecure())
    closers.push(() => direct.close())
    const expected = await callWith(direct)('/t/Unary', [Buffer.from('bad')], { 'x-request-id': 'r1' })
    expect([relayed.code, relayed.details]).toEqual([expected.code, 'No such column: ü.'])
    expect(relayed.metadata.toJSON()).toEqual(expected.metadata.toJSON())
    expect(relayed.metadata.get('grpc-status-details-bin')).toHaveLength(1)
  })

  it('streams results and uploads', async () => {
    const { call } = await pair()
    const { code, messages } = await call('/t/Rows', [Buffer.from('50')])
    expect([code, messages.length, messages[49]!.equals(Buffer.alloc(100_000, 49))]).toEqual([0, 50, true])
    const upload = Array.from({ length: 60 }, () => Buffer.alloc(90_000))
    const sum = await call('/t/Upload', upload)
    expect([sum.code, sum.messages.map(String)]).toEqual([0, [String(60 * 90_000)]])
  })

  it('a client that cancels ends the call there; a deadline passes on', async () => {
    const { client, second, call } = await pair()
    const stream = client.makeServerStreamRequest('/t/Rows', same, same, Buffer.from('1000000'))
    stream.on('error', () => {})
    await new Promise((resolve) => stream.once('data', resolve))
    stream.cancel()
    await expect.poll(() => second.calls[0]!.ended).toBe(true)
    expect(second.calls[0]!.deadlineAt).toBeGreaterThan(Date.now())
    await call('/t/Unary', [Buffer.from('q')], {}, 30_000)
    expect(second.calls[1]!.deadlineAt - Date.now()).toBeLessThanOrEqual(30_000)
  })

  it('backpressure: a client that does not read holds the other replica back', async () => {
    const { first, second } = await pair()
    // The client of grpc-js reads whatever comes until its caller asks for the first message.
    const session = connectHttp2(`http://127.0.0.1:${first.port}`)
    closers.push(() => session.destroy())
    const stream = session.request({ ':method': 'POST', ':path': '/t/Rows', 'content-type': 'application/grpc' })
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, 4]), Buffer.from('1000')]))
    await expect.poll(() => second.calls.length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(second.calls[0]!.ended).toBe(false)
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    await new Promise((resolve) => stream.once('end', resolve))
    expect(bytes).toBe(1000 * (5 + 100_000))
  })

  it('goes on once at most: a forged mark counts for nothing', async () => {
    const { call, second, first } = await pair()
    await second.directory.leave()
    // Another process now has the address of the one that left.
    await first.directory.join({ host: '127.0.0.1', port: first.port, tls: false })
    const forged = await call('/t/Unary', [Buffer.from('q')], { 'x-flightgate-forwarded': 'AQgAAAA' })
    expect([forged.code, forged.details]).toEqual([NOT_FOUND, expect.stringContaining('has ended')])
  })

  it.each<[string, (address: object) => Uint8Array]>([
    ['in plain text', (address) => Buffer.from(JSON.stringify(address))],
    ['sealed with another key', (address) => sealedBy(new Sealer(['a key of somebody else']), SECOND, address)],
    ['of another replica', (address) => sealedBy(new Sealer(['one key of all replicas']), THIRD, address)],
  ])('an address that a stranger has put into the state gets no call and no credentials: %s', async (_, forge) => {
    const { call, second, store } = await pair()
    const stranger = createServer((socket) => sockets.push(socket))
    const sockets: Socket[] = []
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    closers.push(() => stranger.close())
    await second.directory.leave()
    const { port } = stranger.address() as AddressInfo
    await store.set(`replica:${SECOND}`, forge({ host: '127.0.0.1', port, tls: false }), 60_000)
    const { code, details } = await call('/t/Unary', [Buffer.from('q')], { 'x-api-key': 'secret' })
    expect([code, details]).toEqual([NOT_FOUND, expect.stringContaining('has ended')])
    expect(sockets).toEqual([])
  })

  it('that died: UNAVAILABLE while it may come back, then the transaction has ended', async () => {
    const { call, second } = await pair()
    await call('/t/Unary', [Buffer.from('q')])
    await second.server.close()
    const lost = await call('/t/Unary', [Buffer.from('q')])
    expect([lost.code, lost.metadata.get('x-flightgate-error')]).toEqual([UNAVAILABLE, ['REPLICA_UNAVAILABLE']])
    await second.directory.leave()
    expect((await call('/t/Unary', [Buffer.from('q')])).details).toContain('has ended')
  })

  it('replicas that do not reach each other: an error that tells what to configure', async () => {
    const { call } = await pair(false)
    const { code, details } = await call('/t/Unary', [Buffer.from('q')])
    expect([code, details]).toEqual([NOT_FOUND, expect.stringContaining('setting `replica`')])
  })
})
