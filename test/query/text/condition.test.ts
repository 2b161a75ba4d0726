import { describe, expect, it } from 'vitest'
import { faultOfCondition } from '../../../src/query/text/condition.ts'
import { longestTurnMs } from '../../cpu-time.ts'

const call = { signal: new AbortController().signal }

describe('a condition that the gateway puts into parentheses', () => {
  it.each([
    'a > 1',
    "(a > 1 AND b = ')') OR c IN (1, 2)",
    `"odd ) name" = 'it''s; fine'`,
    'a = 1 -- to its end )',
    'a = /* ) ; */ 1',
    "m['key'] = l[1] AND x IN (SELECT y FROM z)",
    '[[1, 2], [3]] = b',
    '',
  ])('may be %j', async (text) => {
    expect(await faultOfCondition(text, call)).toBeUndefined()
  })

  it.each([
    ['1=1) UNION SELECT * FROM secrets WHERE (1=1', /not opened/],
    ['a = (1', /not closed/],
    ['a = 1; DROP TABLE t', /semicolon/],
    ["a = 'open", /quote that is not closed/],
    ['a = "open', /quote that is not closed/],
    ['a = `open', /quote that is not closed/],
    ['a = 1 /* open', /servers read differently/],
    ["a = 'x\\' OR b = ') --'", /servers read differently/],
    ['a = $$ ) $$', /servers read differently/],
    ['a # ) \n = 1', /servers read differently/],
    ['a = `b)`', /servers read differently/],
    ['a = 1 /* /* */ ) */', /servers read differently/],
    ['a[(] ) UNION SELECT 1 WHERE (b[)]', /not opened/],
    ["a['] ) UNION SELECT 1 WHERE (b[']", /bracket within brackets/],
    [`${'('.repeat(5000)}1${')'.repeat(5000)}`, /levels deep/],
  ])('may not be %j', async (text, why) => {
    expect(await faultOfCondition(text, call)).toMatch(why)
  })

  it.each(['`a b` > 1', '`c)` = `d;`', '`a``b` = 1', 'x = \'`\' AND y = "`"', '-- `\n a = 1', 'f(`a`)[OFFSET(0)] > 1'])(
    'may be %j in a dialect that quotes with backticks',
    async (text) => {
      expect(await faultOfCondition(text, call, '`')).toBeUndefined()
    },
  )

  it.each([
    ['`a`) OR (`b`', /not opened/],
    ['`a\\`) UNION ALL (SELECT `b`', /servers read differently/],
    ['`a\n`', /servers read differently/],
    ['`` = 1', /servers read differently/],
    ['`open', /quote that is not closed/],
    ["a = r'\\' OR b = ') --'", /servers read differently/],
    ["a = '''x' ) '''", /not closed|servers read differently/],
    ['a = """x" ) """', /not closed|servers read differently/],
    ['a = 1 # )', /servers read differently/],
    ["a = 'it\\'s )'", /servers read differently|not opened|not closed/],
    ['a = 1; SELECT `b`', /semicolon/],
    ['`a` = 1 /* /* */ ) */', /servers read differently/],
    ['`a` = $$ ) $$', /servers read differently/],
  ])('may not be %j in a dialect that quotes with backticks', async (text, why) => {
    expect(await faultOfCondition(text, call, '`')).toMatch(why)
  })

  it('is read in linear time, without holding the event loop', async () => {
    const text = `a[${"'x', ".repeat(1 << 18)}1] = 1`
    const longestMs = await longestTurnMs(async () => {
      expect(await faultOfCondition(text, call)).toBeUndefined()
    })
    expect(longestMs).toBeLessThan(200)
  })
})
