import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GrpcFailure } from '../../../src/grpc/client/failure.ts'
import { Breaker } from '../../../src/sources/flightsql/pool/circuit-breaker.ts'
import { ConnectionPool } from '../../../src/sources/flightsql/pool/connection-pool.ts'
import { Endpoint } from '../../../src/sources/flightsql/pool/endpoint.ts'
import { Endpoints } from '../../../src/sources/flightsql/pool/endpoints.ts'
import type { Lease } from '../../../src/sources/flightsql/pool/lease.ts'
import { RetryBudget } from '../../../src/sources/flightsql/pool/retry-budget.ts'
import { standardProfile } from '../../../src/sources/flightsql/protocol/profiles/standard.ts'
import { FakeUpstream } from '../../fakes/fake-upstream.ts'
import { upstreamConfig } from '../../fault/upstream-fixture.ts'

const { signal } = new AbortController()
const check = async () => {}
/** Time limits that no test reaches. */
const patient = { connectTimeoutMs: 30_000, requestTimeoutMs: 30_000 }
const acquireTimeoutMs = 30_000

/** A breaker whose probe takes 50 ms. */
class ProbingBreaker extends Breaker {
  override async probed(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('a pool', () => {
  it('caller leaves while its connection is being made: the pool keeps it for the next caller and makes no other', async () => {
    const fake = await FakeUpstream.start()
    const config = upstreamConfig([fake.port], patient, { max: 1, acquireTimeoutMs })
    const observer = { onAcquire() {}, onCreate() {}, onDestroy() {}, onRelease() {} }
    const pool = new ConnectionPool(config.uri, config, standardProfile, observer, check)
    const leaving = new AbortController()
    const left = pool.acquire(leaving.signal)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    expect([pool.hasRoom, pool.stats.waiting]).toEqual([false, 0])
    const lease = await pool.acquire(signal)
    expect([fake.counts.connections, pool.stats]).toEqual([1, { size: 1, idle: 0, inUse: 1, waiting: 0 }])
    lease.release('done')
    expect([pool.hasRoom, pool.stats.idle]).toEqual([true, 1])
    await pool.close()
    await fake.stop()
  })
})

describe('a retired pool', () => {
  let fake: FakeUpstream
  beforeEach(async () => {
    fake = await FakeUpstream.start()
  })
  afterEach(() => fake.stop())

  it('refuses later callers with UNAVAILABLE even if a connection is idle, and leaks no permit', async () => {
    const config = upstreamConfig([fake.port], patient, { max: 2, acquireTimeoutMs })
    const observer = { onAcquire() {}, onCreate() {}, onDestroy() {}, onRelease() {} }
    const pool = new ConnectionPool(config.uri, config, standardProfile, observer, check)
    const [held, idle] = await Promise.all([pool.acquire(signal), pool.acquire(signal)])
    idle.release('done')
    await expect.poll(() => pool.stats.idle).toBe(1)
    const retired = pool.retire()
    await new Promise((resolve) => setTimeout(resolve, 10))
    const refusal = await pool.acquire(signal).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(GrpcFailure)
    expect(refusal).toMatchObject({ status: 'UNAVAILABLE', origin: 'local', notProcessed: true })
    expect([pool.hasRoom, pool.stats.waiting]).toEqual([true, 0])
    held.release('done')
    await retired
    expect(pool.stats.size).toBe(0)
  })

  it('serves earlier callers, also one that still waits for the breaker’s probe', async () => {
    const config = upstreamConfig([fake.port], patient, { acquireTimeoutMs })
    const events = { onAcquire() {}, onCreate() {}, onRetry() {}, onDestroy() {}, onBuffered() {}, onBreaker() {} }
    const breaker = new ProbingBreaker('up', () => {})
    const endpoint = new Endpoint(config.uri, config, standardProfile, breaker, events, check)
    const retries: unknown[] = []
    const endpoints = new Endpoints([endpoint], new RetryBudget(), (_, failure) => retries.push(failure))
    const withLease = () => endpoints.withLease(signal, 'always', async (lease: Lease) => lease.keep())
    const first = await withLease()
    first.release('done')
    const second = withLease()
    const retired = endpoints.retire()
    ;(await second).release('done')
    await retired
    expect([retries, endpoint.pool.stats.size]).toEqual([[], 0])
    breaker.close()
  })
})
