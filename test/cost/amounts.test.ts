import { expect, it } from 'vitest'
import { bytesInWords, nanoUsdInWords } from '../../src/cost/amounts.ts'

it.each([
  [0, '0 USD'],
  [1, '0.000000001 USD'],
  [400_000, '0.0004 USD'],
  [4_998_340, '0.005 USD'],
  [100_000_000, '0.10 USD'],
  [257_000_000, '0.26 USD'],
  [999_000_000, '1 USD'],
  [1_000_000_000, '1 USD'],
  [12_400_000_000, '12.40 USD'],
  [50_000_000_000, '50 USD'],
])('%d billionths of a dollar are %s', (nanoUsd, words) => {
  expect(nanoUsdInWords(nanoUsd)).toBe(words)
})

it.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [10_485_760, '10.5 MB'],
  [41_234_000_000, '41.2 GB'],
  [999_700_000_000, '1 TB'],
])('%d bytes are %s', (bytes, words) => {
  expect(bytesInWords(bytes)).toBe(words)
})

it('bytes with two digits', () => {
  expect([1_234_000_000, 41_234_000_000, 412_340_000_000].map((bytes) => bytesInWords(bytes, 2))).toEqual([
    '1.2 GB',
    '41 GB',
    '412 GB',
  ])
})
