import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { frameOf } from '../../../src/arrow/ipc/frame.ts'
import { encodeSchema } from '../../../src/arrow/schema.ts'
import { GrpcFailure } from '../../../src/grpc/client/failure.ts'
import type { InboundMessage } from '../../../src/grpc/client/message-reader.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import type { Result } from '../../../src/query/types.ts'
import { Breaker } from '../../../src/sources/flightsql/pool/circuit-breaker.ts'
import { Endpoint } from '../../../src/sources/flightsql/pool/endpoint.ts'
import { Lease, type LeaseEnd, releaseAfter } from '../../../src/sources/flightsql/pool/lease.ts'
import type { LocationPools } from '../../../src/sources/flightsql/pool/location-pools.ts'
import type { Connection } from '../../../src/sources/flightsql/protocol/connection.ts'
import { standardProfile } from '../../../src/sources/flightsql/protocol/profiles/standard.ts'
import { LocatedRelay } from '../../../src/sources/flightsql/results/located-relay.ts'
import { Relay } from '../../../src/sources/flightsql/results/relay.ts'
import { upstreamConfig } from '../../fault/upstream-fixture.ts'

const field = { name: 'i', format: 'l', nullable: true, metadata: [], children: [] }
const schema = encodeSchema({ ...field, name: '', format: '+s', children: [field] })
const failure = (origin: 'upstream' | 'local', status: 'UNAVAILABLE' | 'INTERNAL' | 'UNAUTHENTICATED') =>
  new GrpcFailure(status, 'as the test asks', origin)

/** The answer of each DoGet of a connection: its schema, a number of metadata-only messages, then optionally an error. */
interface Answer {
  readonly messages: number
  readonly error?: unknown
}

function connectionThat(answers: readonly Answer[]): Connection {
  const rest = answers.values()
  const message = (chunks: readonly Buffer[]): InboundMessage => ({
    chunks,
    byteLength: chunks.reduce((sum, { byteLength }) => sum + byteLength, 0),
    release: () => {},
  })
  const start = async () => {
    const answer = rest.next().value
    if (!answer) throw failure('local', 'UNAVAILABLE')
    let left = answer.messages
    const next = async () => {
      if (left-- > 0) return { done: false, value: message([Buffer.alloc(0)]) }
      if (answer.error) throw answer.error
      return { done: true, value: undefined }
    }
    const first = {
      done: false,
      value: message(frameOf(schema, new Uint8Array(0), 0).chunks.map((each) => Buffer.from(each))),
    }
    return { first, call: { headers: {}, next, return: async () => ({ done: true, value: undefined }) } }
  }
  return { start } as unknown as Connection
}

describe('a lease', () => {
  const breaker = new Breaker('up', () => {})
  const ends: LeaseEnd[] = []
  let taken: number
  let endpoint: Endpoint
  let answers: readonly Answer[]
  const none = () => {}

  beforeEach(() => {
    ends.length = 0
    taken = 0
    answers = []
    const events = {
      onAcquire: none,
      onCreate: none,
      onRetry: none,
      onDestroy: none,
      onBuffered: none,
      onBreaker: none,
    }
    const config = upstreamConfig([1])
    endpoint = new Endpoint(config.uri, config, standardProfile, breaker, events, async () => {})
    vi.spyOn(endpoint.pool, 'acquire').mockImplementation(async (signal) => {
      signal.throwIfAborted()
      taken++
      return new Lease(connectionThat(answers), (end) => ends.push(end))
    })
  })
  afterEach(async () => {
    await endpoint.pool.close()
    // In every test, each lease ends exactly once.
    expect(ends.length).toBe(taken)
  })

  const options = { toError: (error: unknown) => error, visible: () => undefined }
  const relay = async (
    tickets: number,
    more: { close?(): Promise<void> } = {},
    signal = new AbortController().signal,
  ) =>
    await endpoint.withLease(signal, (lease) =>
      Relay.start(
        lease,
        Array<Uint8Array>(tickets).fill(schema),
        { signal, deadlineAt: Infinity },
        { ...options, ...more },
      ),
    )
  const read = async ({ frames }: Result) => {
    for await (const _ of frames);
  }
  const reasons = () => ends.map(({ reason, isKept }) => `${reason}${isKept ? ', kept' : ''}`)

  it.each([
    ['succeeds', undefined, 'done'],
    ['gets an error of the upstream', failure('upstream', 'INTERNAL'), 'done'],
    ['is no longer logged in', failure('upstream', 'UNAUTHENTICATED'), 'unusable'],
    ['loses its connection', failure('local', 'UNAVAILABLE'), 'failed'],
    ['reaches its deadline', new GatewayError('DEADLINE'), 'cancelled'],
    ['fails in the gateway', new Error('a bug'), 'failed'],
  ])('whose work %s ends once', async (_, error, reason) => {
    const outcome = endpoint.withLease(new AbortController().signal, async () => {
      if (error) throw error
      return 'answer'
    })
    expect(await outcome.catch((thrown: unknown) => thrown)).toBe(error ?? 'answer')
    expect(reasons()).toEqual([reason])
  })

  it('is not taken for a cancelled caller, and ends once when the caller cancels during the work', async () => {
    const leaving = new AbortController()
    const during = endpoint.withLease(leaving.signal, async () => {
      leaving.abort(new GatewayError('CANCELLED'))
      leaving.signal.throwIfAborted()
    })
    await expect(during).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect(endpoint.withLease(leaving.signal, async () => {})).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(reasons()).toEqual(['cancelled'])
  })

  it('released by the work itself ends with the work’s reason', async () => {
    const outcome = endpoint.withLease(new AbortController().signal, async (lease) => {
      lease.release('unusable')
      lease.release('done')
      throw failure('upstream', 'INTERNAL')
    })
    await expect(outcome).rejects.toThrow()
    expect(reasons()).toEqual(['unusable'])
  })

  it('kept by a result ends when the result has been read to its end', async () => {
    answers = [{ messages: 2 }, { messages: 1 }]
    const result = await relay(2)
    expect(reasons()).toEqual([])
    await read(result)
    await result.frames[Symbol.asyncIterator]().return?.()
    expect(reasons()).toEqual(['done, kept'])
  })

  it.each([
    ['is broken off', failure('local', 'UNAVAILABLE'), 'failed, kept'],
    ['ends with an error of the upstream', failure('upstream', 'INTERNAL'), 'done, kept'],
  ])('of a result that %s ends once', async (_, error, reason) => {
    answers = [{ messages: 1, error }]
    await expect(read(await relay(1))).rejects.toBe(error)
    expect(reasons()).toEqual([reason])
    expect(ends[0]?.error).toBe(error)
  })

  it('of a result ends once as cancelled, whether the reader returns early or aborts', async () => {
    answers = [{ messages: 5 }]
    const frames = (await relay(1)).frames[Symbol.asyncIterator]()
    await frames.next()
    await Promise.all([frames.return?.(), frames.return?.()])
    expect(await frames.next()).toMatchObject({ done: true })
    answers = [{ messages: 5, error: new GatewayError('CANCELLED') }]
    const leaving = new AbortController()
    const result = await relay(1, {}, leaving.signal)
    leaving.abort(new GatewayError('CANCELLED'))
    await expect(read(result)).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(reasons()).toEqual(['cancelled, kept', 'cancelled, kept'])
  })

  it('of a result that fails to start ends with the work, as failed', async () => {
    answers = []
    await expect(relay(1)).rejects.toMatchObject({ status: 'UNAVAILABLE' })
    expect(reasons()).toEqual(['failed'])
  })

  it('of a statement with a pending close ends when the close succeeds or fails', async () => {
    answers = [{ messages: 1 }]
    const closing = Promise.withResolvers<void>()
    await read(await relay(1, { close: () => closing.promise }))
    expect(reasons()).toEqual([])
    closing.resolve()
    await expect.poll(reasons).toEqual(['done, kept'])
    await read(await relay(1, { close: async () => Promise.reject(failure('local', 'UNAVAILABLE')) }))
    await expect.poll(reasons).toEqual(['done, kept', 'failed, kept'])
    // A later failure of the work cannot release the lease before the close ends.
    const late = Promise.withResolvers<void>()
    const outcome = endpoint.withLease(new AbortController().signal, async (lease) => {
      releaseAfter(late.promise, lease)
      throw failure('local', 'UNAVAILABLE')
    })
    await expect(outcome).rejects.toThrow()
    expect(ends.length).toBe(2)
    late.resolve()
    await expect.poll(reasons).toEqual(['done, kept', 'failed, kept', 'done, kept'])
  })

  /** A result in parts: the `there` parts are at another address, with leases from the same pool. */
  const located = async (parts: readonly ('here' | 'there')[], reaches = true) => {
    const { signal } = new AbortController()
    const doThere = async (work: (lease: Lease) => Promise<Result>) => ({
      value: await endpoint.withLease(signal, work),
    })
    const locations = {
      withLease: async (
        addresses: readonly unknown[],
        _schema: unknown,
        _signal: unknown,
        work: (lease: Lease) => Promise<Result>,
      ) => (addresses.length > 0 && reaches ? await doThere(work) : undefined),
    }
    const there = { host: 'there', port: 1, tls: false }
    const placed = parts.map((place) => ({ addresses: place === 'there' ? [there] : [], tickets: [schema] }))
    return await endpoint.withLease(signal, (lease) =>
      LocatedRelay.start(
        lease,
        placed,
        { signal, deadlineAt: Infinity },
        {
          ...options,
          locations: locations as unknown as LocationPools,
          schema: undefined,
        },
      ),
    )
  }

  it('of a result at another address ends when its last part has started there', async () => {
    answers = [{ messages: 1 }]
    const single = await located(['there'])
    expect(reasons()).toEqual(['done'])
    await read(single)
    expect(reasons()).toEqual(['done', 'done, kept'])
  })

  it('of a result with parts here and at another address ends once, with the outcome of its own part', async () => {
    answers = [{ messages: 1 }]
    await read(await located(['here', 'there']))
    expect(reasons()).toEqual(['done, kept', 'done, kept'])
    answers = [{ messages: 1, error: failure('local', 'UNAVAILABLE') }]
    await expect(read(await located(['here', 'there']))).rejects.toThrow()
    const frames = (await located(['here', 'there'])).frames[Symbol.asyncIterator]()
    await frames.return?.()
    expect(reasons().slice(2)).toEqual(['failed, kept', 'cancelled, kept'])
  })

  it.each([
    ['here', true, ['failed']],
    // The connection that planned the result is not to blame for the failure.
    ['there', true, ['failed', 'done']],
    ['there', false, ['failed']],
  ] as const)('of a result whose first part, %s, fails to start ends once', async (place, reaches, expected) => {
    answers = []
    await expect(located([place], reaches)).rejects.toMatchObject({ status: 'UNAVAILABLE' })
    expect(reasons()).toEqual(expected)
  })

  it('of a probe ends once, whether the upstream answers or not', async () => {
    await endpoint.probe()
    expect(reasons()).toEqual(['done'])
  })
})
