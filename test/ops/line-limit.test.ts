import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { LineLimit } from '../../src/ops/line-limit.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('admits the limit of lines per kind and second, and reports the number suppressed', () => {
  const more: string[] = []
  const limit = new LineLimit(2, (kind, count) => more.push(`${count} ${kind}`))
  const admitted = (kind: string) => Array.from({ length: 5 }, () => limit.admits(kind)).filter(Boolean).length
  expect(admitted('a')).toBe(2)
  expect(admitted('b')).toBe(2)
  expect(more).toEqual([])
  vi.advanceTimersByTime(1000)
  expect(more).toEqual(['3 a', '3 b'])
  expect(admitted('a')).toBe(2)
  limit.flush()
  expect(more).toEqual(['3 a', '3 b', '3 a'])
  vi.advanceTimersByTime(5000)
  expect(more).toHaveLength(3)
  expect(admitted('b')).toBe(2)
})
