import { describe, expect, it } from 'vitest'
import type { Field } from '../../../src/arrow/schema.ts'
import { importedValues, narrowed } from '../../../src/sources/duckdb/bind/imported-column.ts'
import { outOfRange } from '../../../src/sources/duckdb/bind/value-ranges.ts'

const INT64_MAX = 2n ** 63n - 1n
const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength)
const int64 = (...values: bigint[]) => bytes(BigInt64Array.from(values))
const int128 = (value: bigint) => int64(BigInt.asIntN(64, value), value >> 64n)
const field = (format: string): Field => ({ name: 'x', format, nullable: true, metadata: [], children: [] })
const isRefused = (format: string, values: Uint8Array) => outOfRange(format, values, 1) !== undefined

describe('the values that DuckDB can hold', () => {
  it.each([
    ['tss:', -9_223_372_022_400n, 9_223_372_036_854n],
    ['tsm:', -9_223_372_022_400_000n, 9_223_372_036_854_775n],
    ['tsu:', -9_223_372_022_400_000_000n, INT64_MAX],
    ['tsn:', -9_223_286_400_000_000_000n, INT64_MAX],
    ['tss:UTC', -9_223_372_022_400n, 9_223_372_036_854n],
    ['tsm:UTC', -9_223_372_022_400_000n, 9_223_372_036_854_775n],
    ['tDs', -9_223_372_036_854n, 9_223_372_036_854n],
    ['tDm', -9_223_372_036_854_775n, 9_223_372_036_854_775n],
    ['tdm', -2_147_483_646n * 86_400_000n, 2_147_483_647n * 86_400_000n - 1n],
    ['ttu', 0n, 86_400_000_000n],
    ['ttn', 0n, 86_400_000_000_000n],
    ['d:4,2,64', -9999n, 9999n],
  ])('of %s lie between two bounds', (format, least, greatest) => {
    expect([least, greatest].map((value) => isRefused(format, int64(value)))).toEqual([false, false])
    const beyond = [least - 1n, ...(greatest === INT64_MAX ? [] : [greatest + 1n])]
    expect(beyond.filter((value) => !isRefused(format, int64(value)))).toEqual([])
  })

  it.each([
    ['tdD', -2_147_483_647, 2_147_483_647, [-2_147_483_648]],
    ['tts', 0, 86_400, [-1, 86_401]],
    ['ttm', 0, 86_400_000, [-1, 86_400_001]],
    ['d:4,2,32', -9999, 9999, [-10_000, 10_000, -2_147_483_648]],
  ])('of %s, 32 bits wide, lie between two bounds', (format, least, greatest, beyond) => {
    const refused = (value: number) => isRefused(format, bytes(Int32Array.of(value)))
    expect([least, greatest].map(refused)).toEqual([false, false])
    expect(beyond.map(refused)).toEqual(beyond.map(() => true))
  })

  it.each([1, 18, 19, 20, 38])('of decimals have no more than %i digits', (precision) => {
    const format = `d:${precision},0`
    const limit = 10n ** BigInt(precision)
    const refused = (value: bigint) => isRefused(format, int128(value))
    expect([0n, 1n, -1n, limit - 1n, 1n - limit].map(refused)).toEqual([false, false, false, false, false])
    expect([limit, -limit, 2n ** 127n - 1n, -(2n ** 127n)].map(refused)).toEqual([true, true, true, true])
  })

  it('include infinity in timestamps, and every duration of microseconds and nanoseconds', () => {
    for (const format of ['tss:', 'tsm:', 'tsu:', 'tsn:', 'tsu:UTC'])
      expect([INT64_MAX, -INT64_MAX].map((value) => isRefused(format, int64(value)))).toEqual([false, false])
    for (const format of ['tDu', 'tDn', 'tsn:UTC', 'l']) expect(isRefused(format, int64(-(2n ** 63n)))).toBe(false)
  })
})

describe('values for DuckDB', () => {
  it.each([
    ['tsn:UTC', 8, [-1n, -1000n, 1999n, -(2n ** 63n)], [-1n, -1n, 1n, -9_223_372_036_854_776n]],
    ['tss:UTC', 8, [-1n, 2n, 10n ** 13n], [-1_000_000n, 2_000_000n, 0n]],
    ['tDn', 8, [-1n, 1n], [-1n, 0n]],
    ['tDm', 8, [-1n, 10n ** 17n], [-1000n, 0n]],
    ['tin', 16, [7n, -1n, 8n, 1999n], [7n, -1000n, 8n, 1000n]],
    ['tsu:', 8, [5n, -(2n ** 63n)], [5n, 0n]],
  ])('of %s are rounded down, and 0 where they are out of range', (format, width, from, to) => {
    const rows = (8 * from.length) / width
    const values = int64(...from)
    const imported = importedValues(field(format), width, values, rows, outOfRange(format, values, rows))
    expect([...new BigInt64Array(imported.buffer, imported.byteOffset, to.length)]).toEqual(to)
  })

  it('of dates in milliseconds become their day', () => {
    const values = int64(-1n, -86_400_000n, 86_399_999n)
    const days = importedValues(field('tdm'), 8, values, 3)
    expect([...new Int32Array(days.buffer, days.byteOffset, 3)]).toEqual([-1, -1, 0])
  })

  it('of nanoseconds are rounded down for a microsecond column; infinity stays', () => {
    const values = int64(-1n, 1999n, INT64_MAX, -INT64_MAX)
    const stored = (type: number) =>
      importedValues(
        narrowed(field('tsn:'), () => type),
        8,
        values,
        4,
      )
    const [timestamp, timestampNs] = [12, 22].map(stored) as [Uint8Array, Uint8Array]
    expect([...new BigInt64Array(timestamp.buffer, 0, 4)]).toEqual([-1n, 1n, INT64_MAX, -INT64_MAX])
    expect(timestampNs).toBe(values)
  })

  it('are not copied when no conversion is needed', () => {
    const values = int64(1n, 2n)
    expect(importedValues(field('tsu:'), 8, values, 2)).toBe(values)
  })
})
