import { expect, it } from 'vitest'
import { columnsInSight } from '../../src/console/views/query/columns-in-sight.ts'

const widths = Array.from({ length: 200 }, () => 100)

it.each([
  [0, { first: 0, last: 14 }],
  [10_000, { first: 95, last: 114 }],
  [19_000, { first: 185, last: 200 }],
  [-50, { first: 0, last: 14 }],
])('columns of 100 pixels in a window of 1,000, scrolled by %d', (left, expected) => {
  expect(columnsInSight(widths, left, 1000)).toEqual(expected)
})

it('few columns are all drawn; no columns are none', () => {
  expect(columnsInSight([100, 380], 0, 1000)).toEqual({ first: 0, last: 2 })
  expect(columnsInSight([], 0, 1000)).toEqual({ first: 0, last: 0 })
})
