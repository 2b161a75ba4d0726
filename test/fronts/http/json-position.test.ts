import { describe, expect, it } from 'vitest'
import { findJsonFault } from '../../../src/fronts/http/body/json-position.ts'

describe('findJsonFault', () => {
  it.each([
    ['', 1, 1, 'expected a value, found the end'],
    ['{"query": "SELECT 1"', 1, 21, 'expected "," or "}", found the end'],
    ['{"query": }', 1, 11, 'expected a value, found "}"'],
    ['{"query" 1}', 1, 10, 'expected ":", found "1"'],
    ["{'query': 1}", 1, 2, 'expected a name in double quotes or "}", found "\'"'],
    ['{"a": 1,}', 1, 9, 'expected a name in double quotes, found "}"'],
    ['{\n  "a": [1, 2,, 3]\n}', 2, 14, 'expected a value, found ","'],
    ['{"a": "x\ny"}', 1, 9, 'expected the rest of a string: an escape, or the closing quote, found "\\n"'],
    ['["\\x"]', 1, 3, 'expected the rest of a string: an escape, or the closing quote, found "\\\\"'],
    ['{} {}', 1, 4, 'expected the end of the text, found "{"'],
    ['[01]', 1, 3, 'expected "," or "]", found "1"'],
    ['nul', 1, 1, 'expected a value, found "n"'],
  ])('%s', async (text, line, column, reason) => {
    expect(() => JSON.parse(text)).toThrow()
    expect(await findJsonFault(text)).toEqual({ line, column, reason })
  })

  it('takes time that grows with the length only', async () => {
    const depth = 500_000
    expect(await findJsonFault('['.repeat(depth))).toMatchObject({ line: 1, column: depth + 1 })
    expect(await findJsonFault(`["${'\\"'.repeat(depth)}`)).toMatchObject({ column: 2 * depth + 3 })
  })

  it('lets other work run meanwhile', async () => {
    const order: string[] = []
    setImmediate(() => order.push('other work'))
    await findJsonFault('['.repeat(1_000_000))
    order.push('found')
    expect(order).toEqual(['other work', 'found'])
  })
})
