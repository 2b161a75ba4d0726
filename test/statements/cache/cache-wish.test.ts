import { describe, expect, it } from 'vitest'
import { cacheWishOf, withCacheWish } from '../../../src/statements/cache/cache-wish.ts'

const read = (headers: Readonly<Record<string, string>>) => cacheWishOf((name) => headers[name])

describe('what the headers of a call ask of the cache', () => {
  it('nothing without one of them', () => {
    expect(read({})).toBeUndefined()
    expect(read({ 'cache-control': 'no-transform' })).toBeUndefined()
    expect(read({ pragma: 'x' })).toBeUndefined()
  })

  it('directives, key, tags and time to live', () => {
    expect(
      read({
        'cache-control': 'max-age=60',
        'x-flightgate-cache-key': 'daily_Report-1',
        'x-flightgate-cache-tags': 'sales, eu:2026 ,sales,',
        'x-flightgate-cache-ttl-ms': '1500',
      }),
    ).toEqual({ directives: { maxAgeMs: 60_000 }, key: 'daily_Report-1', tags: ['sales', 'eu:2026'], ttlMs: 1500 })
  })

  it('pragma: no-cache counts only without cache-control', () => {
    expect(read({ pragma: 'No-Cache' })).toEqual({ directives: { noCache: true } })
    expect(read({ pragma: 'no-cache', 'cache-control': 'max-age=5' })).toEqual({ directives: { maxAgeMs: 5000 } })
    expect(read({ pragma: 'no-cache', 'cache-control': 'no-transform' })).toBeUndefined()
  })

  it.each([
    ['x-flightgate-cache-key', ''],
    ['x-flightgate-cache-key', 'a b'],
    ['x-flightgate-cache-key', 'a'.repeat(129)],
    ['x-flightgate-cache-key', 'ä'],
    ['x-flightgate-cache-tags', 'a/b'],
    ['x-flightgate-cache-tags', 'a'.repeat(65)],
    ['x-flightgate-cache-tags', Array.from({ length: 17 }, (_, i) => i).join()],
    ['x-flightgate-cache-ttl-ms', '0'],
    ['x-flightgate-cache-ttl-ms', '-1'],
    ['x-flightgate-cache-ttl-ms', '1.5'],
    ['x-flightgate-cache-ttl-ms', '99999999999'],
  ])('%s: %s is refused', (name, value) => expect(() => read({ [name]: value })).toThrow(`The header ${name} must be`))
})

describe('a call and its session', () => {
  const session = {
    label: 'x',
    cacheControl: { maxAgeMs: 60_000, noStore: true, key: 'one', tags: ['a'], ttlMs: 1000 },
  }

  it('directives take the place of all directives, the rest one by one', () => {
    expect(withCacheWish(session, { directives: { noCache: true }, tags: ['b'] })).toEqual({
      label: 'x',
      cacheControl: { noCache: true, key: 'one', tags: ['b'], ttlMs: 1000 },
    })
    expect(withCacheWish(session, { ttlMs: 5 }).cacheControl).toEqual({ ...session.cacheControl, ttlMs: 5 })
    expect(withCacheWish({}, { key: 'k' })).toEqual({ cacheControl: { key: 'k' } })
  })

  it('without a wish, the session stays the same object', () => {
    expect(withCacheWish(session, undefined)).toBe(session)
    expect(withCacheWish(session, {})).toBe(session)
  })
})
