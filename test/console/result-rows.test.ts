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
  it('are text, with the beginning of long values', () => {
    expect([cellText(1.5), cellText(true), cellText([1, null]), cellText({ a: 'b' }), cellText('ä')]).toEqual([
      '1.5',
      'true',
      '[1,null]',
      '{"a":"b"}',
      'ä',
    ])
    expect(cellText('y'.repeat(1000)).length).toBe(301)
  })

  it('decide how wide a column is, within bounds', () => {
    const [id, comment] = columnWidths({ columns, rows: [[1, 'z'.repeat(500)]] })
    expect(id).toBeLessThan(80)
    expect(comment).toBe(380)
  })
})
