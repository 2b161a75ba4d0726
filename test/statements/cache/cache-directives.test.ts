import { describe, expect, it } from 'vitest'
import { cacheDirectivesOf, cacheDirectivesText } from '../../../src/statements/cache/cache-directives.ts'
import { cpuMs } from '../../cpu-time.ts'

const read = (text: string) => cacheDirectivesOf(text, 'The header cache-control')

describe('directives of cache-control', () => {
  it.each([
    ['no-cache', { noCache: true }],
    ['no-store', { noStore: true }],
    ['only-if-cached', { onlyIfCached: true }],
    ['max-age=60', { maxAgeMs: 60_000 }],
    ['max-age=0', { maxAgeMs: 0 }],
    ['min-fresh=5', { minFreshMs: 5000 }],
    ['max-stale=30', { maxStaleMs: 30_000 }],
    ['max-stale', { maxStaleMs: Number.MAX_SAFE_INTEGER }],
    ['Max-Age="60" ,, NO-CACHE,', { maxAgeMs: 60_000, noCache: true }],
    ['no-cache="set-cookie, x"', { noCache: true }],
    ['max-age=60, no-transform, x-own="a, b=\\"c\\"", stale-if-error=3', { maxAgeMs: 60_000 }],
    ['only-if-cached, max-stale=10', { onlyIfCached: true, maxStaleMs: 10_000 }],
  ])('%s', (text, directives) => expect(read(text)).toEqual(directives))

  it('of a directive that is given twice, the stricter one counts', () => {
    expect(read('max-age=60, max-age=0, max-age=30')).toEqual({ maxAgeMs: 0 })
    expect(read('min-fresh=1, min-fresh=5')).toEqual({ minFreshMs: 5000 })
    expect(read('max-stale, max-stale=5')).toEqual({ maxStaleMs: 5000 })
  })

  it('longer times than 2^31 s count as that', () =>
    expect(read(`max-age=${'9'.repeat(300)}`)).toEqual({ maxAgeMs: 2 ** 31 * 1000 }))

  it.each(['', ' , ', 'no-transform', 'private, x=1'])('%j has no directive that is known', (text) =>
    expect(read(text)).toBeUndefined(),
  )

  it.each(['max-age', 'max-age=', 'max-age=1.5', 'max-age=-1', 'max-age=1e3', 'min-fresh=soon', 'max-stale=""'])(
    '%s is refused with the name of the directive',
    (text) => {
      expect(() => read(text)).toThrow(/The header cache-control/)
    },
  )

  it('tells what is wrong', () => {
    expect(() => read('max-age=soon')).toThrow(
      'The header cache-control: max-age needs a whole number of seconds, such as max-age=60.',
    )
    expect(() => read('no-store, max-age 60')).toThrow('"max-age 60" is none')
    expect(() => read('x'.repeat(1001))).toThrow('above 1000 characters')
    expect(() => read('x="')).toThrow('"x="" is none')
  })

  it('reads a hostile text in time', () => {
    const before = cpuMs()
    for (const text of [`${'"\\'.repeat(500)}`, `a${' '.repeat(998)}b`, `${'a="'.repeat(333)}`, ','.repeat(1000)]) {
      try {
        read(text)
      } catch {}
    }
    expect(cpuMs() - before).toBeLessThan(1000)
  })

  it.each(['no-cache, max-age=60', 'min-fresh=5, max-stale', 'max-stale=3, only-if-cached', 'no-store', ''])(
    'writes %j as it was',
    (text) => expect(cacheDirectivesText(read(text) ?? {})).toBe(text),
  )
})
