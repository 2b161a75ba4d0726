import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GrpcFailure } from '../../../src/grpc/client/failure.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import { Breaker } from '../../../src/sources/flightsql/pool/circuit-breaker.ts'

const broken = () => Promise.reject(new GrpcFailure('UNAVAILABLE', 'no connection', 'local'))
const answered = () => Promise.reject(new GrpcFailure('INVALID_ARGUMENT', 'bad SQL', 'upstream'))
const malformed = () => Promise.reject(new GrpcFailure('DATA_LOSS', 'cut short', 'local'))
const cancelled = () => Promise.reject(new GatewayError('CANCELLED'))
const exhausted = () => Promise.reject(new GrpcFailure('RESOURCE_EXHAUSTED', 'all busy', 'local'))

describe('the circuit breaker', () => {
  let breaker: Breaker
  let changes: string[]
  beforeEach(() => {
    vi.useFakeTimers()
    changes = []
    breaker = new Breaker('up', (state) => changes.push(state))
  })
  afterEach(() => {
    breaker.close()
    vi.useRealTimers()
  })
  const guard = (work: () => Promise<unknown>) => breaker.guard(work).catch(() => {})
  const halfOpen = async () => {
    for (let i = 0; i < 5; i++) await guard(broken)
    expect(breaker.state).toBe('open')
    await vi.advanceTimersByTimeAsync(5000)
    expect(breaker.state).toBe('half-open')
  }

  it('stays closed when the server answers, even with errors or malformed data', async () => {
    for (let i = 0; i < 20; i++) await guard(i % 2 ? answered : malformed)
    expect([breaker.state, changes]).toEqual(['closed', []])
  })

  it.each([
    ['succeeds', () => Promise.resolve(1)],
    ['gets an error answer', answered],
  ])('half open, closes when the probe %s', async (_how, probe) => {
    await halfOpen()
    await guard(probe)
    expect([breaker.state, changes]).toEqual(['closed', ['open', 'half-open', 'closed']])
  })

  it.each([
    ['fails', broken],
    ['is cancelled', cancelled],
    ['gets no connection', exhausted],
  ])('half open, opens again when the probe %s', async (_how, probe) => {
    await halfOpen()
    await guard(probe)
    expect([breaker.state, changes]).toEqual(['open', ['open', 'half-open', 'open']])
    await expect(breaker.guard(() => Promise.resolve(1))).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
    await vi.advanceTimersByTimeAsync(5000)
    await guard(() => Promise.resolve(1))
    expect(breaker.state).toBe('closed')
  })
})
