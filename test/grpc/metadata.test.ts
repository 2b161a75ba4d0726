import { describe, expect, it } from 'vitest'
import { headerOf, partsOf, requestIdOf } from '../../src/grpc/server/metadata.ts'
import { cpuMs } from '../cpu-time.ts'

describe('header values', () => {
  it.each([
    ['a,b', ['a', 'b']],
    ['a \t,\t b', ['a', 'b']],
    [' a b , c', ['a b', 'c']],
    [',', ['', '']],
    ['a\u00a0,b', ['a\u00a0', 'b']],
  ])('%j has the parts %j', (value, parts) => {
    expect(partsOf(value)).toEqual(parts)
  })

  it('equal values of a repeated header are one', () => {
    expect(headerOf({ name: 'a, a' }, 'name')).toBe('a')
    expect(headerOf({ name: 'a, b' }, 'name')).toBe('a, b')
  })

  it.each(['a'.padEnd(65_000).concat('b,c'), ' ,'.repeat(32_000), `${'\t'.repeat(65_000)},`])(
    'takes linear time for many blanks',
    (value) => {
      const before = cpuMs()
      expect(requestIdOf({ 'x-request-id': value })).toMatch(/^[\w-]{36}$/)
      // Time in the square of the length takes seconds.
      expect(cpuMs() - before).toBeLessThan(500)
    },
  )
})
