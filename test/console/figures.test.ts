import { describe, expect, it } from 'vitest'
import { formatBytes, formatCount, formatDuration, formatUsd, UNKNOWN } from '../../src/console/format/figures.ts'

describe('figures of the console', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1_269_000, '1.21 MiB'],
    [1_047_552, '1023 KiB'],
    [1_048_500, '1.00 MiB'],
    [5 * 2 ** 40, '5.00 TiB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

  it.each([
    [0, '$0'],
    [0.000_003_21, '$0.0000032'],
    [0.5, '$0.50'],
    [1234.5, '$1,234.50'],
  ])('%d dollars are %s', (usd, text) => expect(formatUsd(usd)).toBe(text))

  it.each([
    [0, '0 ms'],
    [1.25, '1.3 ms'],
    [850, '850 ms'],
    [999.6, '1.0 s'],
    [12_340, '12.3 s'],
    [59_960, '1 min 00 s'],
    [185_000, '3 min 05 s'],
    [7_380_000, '2 h 03 min'],
  ])('%d ms are %s', (ms, text) => expect(formatDuration(ms)).toBe(text))

  it('what is not known is no zero', () => {
    expect([formatBytes(null), formatCount(undefined), formatUsd(null), formatDuration(null)]).toEqual(
      Array(4).fill(UNKNOWN),
    )
  })
})
