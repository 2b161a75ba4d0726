import { describe, expect, it } from 'vitest'
import type { CacheOutcome } from '../../../src/query/cache/cache-outcome.ts'
import { cacheHeaders, cacheStatus, withCacheHeaders } from '../../../src/statements/cache/cache-headers.ts'

describe('headers of what the cache did', () => {
  it.each<[CacheOutcome, string]>([
    [{ result: 'HIT', ageMs: 19_400, ttlMs: 280_600 }, 'flightgate; hit; ttl=280'],
    [{ result: 'HIT', ageMs: 5, ttlMs: 100, level: 'shared' }, 'flightgate; hit; ttl=0; detail=shared'],
    [{ result: 'HIT', level: 'memory' }, 'flightgate; hit'],
    [{ result: 'STALE', ageMs: 301_000, ttlMs: -1000 }, 'flightgate; hit; ttl=-1'],
    [{ result: 'STALE', ttlMs: -1, detail: 'source-failed' }, 'flightgate; hit; ttl=-1; detail=source-failed'],
    [{ result: 'MISS' }, 'flightgate; fwd=miss'],
    [{ result: 'MISS', isStored: true }, 'flightgate; fwd=miss; stored'],
    [{ result: 'MISS', isCollapsed: true }, 'flightgate; fwd=miss; collapsed'],
    [{ result: 'MISS', forward: 'stale', isStored: true }, 'flightgate; fwd=stale; stored'],
    [{ result: 'MISS', forward: 'request' }, 'flightgate; fwd=request'],
    [{ result: 'BYPASS', forward: 'request', isStored: true }, 'flightgate; fwd=request; stored'],
    [{ result: 'BYPASS', detail: 'volatile-function' }, 'flightgate; fwd=bypass; detail=volatile-function'],
    [{ result: 'BYPASS', detail: 'say "no" \\ ä\n' }, 'flightgate; fwd=bypass; detail="say \\"no\\" \\\\ ??"'],
  ])('%j', (outcome, status) => expect(cacheStatus(outcome)).toBe(status))

  it('rows from the cache have an age, others none', () => {
    expect(cacheHeaders({ result: 'HIT', ageMs: 19_999, ttlMs: 280_001 })).toEqual({
      'cache-status': 'flightgate; hit; ttl=280',
      'results-cache-status': 'HIT',
      age: '19',
    })
    expect(cacheHeaders({ result: 'MISS', ageMs: 5000 })).toEqual({
      'cache-status': 'flightgate; fwd=miss',
      'results-cache-status': 'MISS',
    })
    expect(cacheHeaders(undefined)).toBeUndefined()
  })

  it("the engine's own cache-status comes first", () => {
    const metadata = { 'cache-status': 'spice; hit', 'x-own': '1' }
    expect(withCacheHeaders(metadata, { result: 'MISS' })).toEqual({
      'cache-status': 'spice; hit, flightgate; fwd=miss',
      'results-cache-status': 'MISS',
      'x-own': '1',
    })
    expect(withCacheHeaders(metadata, undefined)).toBe(metadata)
    expect(withCacheHeaders(undefined, undefined)).toBeUndefined()
  })
})
