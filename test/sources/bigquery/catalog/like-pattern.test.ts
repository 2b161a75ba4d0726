import { expect, it } from 'vitest'
import { LikePattern } from '../../../../src/sources/bigquery/catalog/like-pattern.ts'

it.each([
  ['%', '', true],
  ['%', 'abc', true],
  ['', '', true],
  ['', 'a', false],
  ['a%', 'abc', true],
  ['%c', 'abc', true],
  ['a%c', 'abbc', true],
  ['a_c', 'abc', true],
  ['a_c', 'a😀c', true],
  ['a_c', 'ac', false],
  ['A%', 'abc', false],
  ['a\\_c', 'abc', false],
  ['a\\_c', 'a_c', true],
  ['a\\', 'a\\', true],
  ['%b%d', 'abcbd', true],
  ['%b%d', 'abcb', false],
  ['%%', 'a', true],
])('%s as a pattern of %s: %s', (pattern, name, expected) => {
  expect(new LikePattern(pattern).matches(name)).toBe(expected)
})

it('a pattern without wildcards is a name', () => {
  expect(new LikePattern('a\\_b\\%').literal).toBe('a_b%')
  expect(new LikePattern('a_b').literal).toBeUndefined()
})

it('matching takes no exponential time', () => {
  expect(new LikePattern(`${'%a'.repeat(200)}b`).matches('a'.repeat(1000))).toBe(false)
})
