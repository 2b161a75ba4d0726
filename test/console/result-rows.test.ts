import { describe, expect, it } from 'vitest'
import { cellText, columnWidths, MAX_ROWS, ResultRows } from '../../src/console/views/query/result-rows.ts'

const columns = [
  { name: 'id', type: 'int64' },
  { name: 'comment', type: 'string' },
]

describe('ResultRows', () => {
  it('holds rows up to its bound', () => {
    const result = new ResultRows(columns)
    expect(result.add('[[1,"a"],[2,null]]')).toBe(true)
    const many = JSON.stringify(Array.from({ length: MAX_ROWS }, () => [0, '']))
    expect([result.add(many), result.rows.length]).toEqual([false, MAX_ROWS])
    expect(result.rows[1]).toEqual([2, null])
  })

  it('holds text up to its bound, however few rows it is', () => {
    const result = new ResultRows(columns)
    const row = JSON.stringify([[1, 'x'.repeat(16 * 2 ** 20)]])
    expect([result.add(row), result.add(row), result.add(row), result.add(row)]).toEqual([true, true, true, false])
  })
})

describe('cells', () => {
  it.each([
    ['double', 1.5, '1.5'],
    ['bool', true, 'true'],
    ['list<int64>', [1, null], '[1,null]'],
    ['struct<a: string>', { a: 'b' }, '{"a":"b"}'],
    ['string', 'ä', 'ä'],
    ['string', '', ''],
    ['string', '30872', '30872'],
    ['decimal128(15, 2)', 30872, '30872.00'],
    ['decimal128(15, 2)', -0.5, '-0.50'],
    ['decimal128(38, 3)', '12345678901234567890.12', '12345678901234567890.120'],
    ['decimal128(10, 0)', 7, '7'],
  ])('a value of the type %s: %j', (type, value, expected) => {
    expect(cellText(value, { name: 'x', type })).toBe(expected)
  })

  it('show the beginning of a long value', () => {
    expect(cellText('y'.repeat(1000), columns[1]!).length).toBe(301)
  })

  it('decide how wide a column is, within bounds', () => {
    const [id, comment] = columnWidths({ columns, rows: [[1, 'z'.repeat(500)]] })
    expect(id).toBeLessThan(80)
    expect(comment).toBe(380)
  })
})
