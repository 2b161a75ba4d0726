import { afterEach, describe, expect, it } from 'vitest'
import { AnalysisThread } from '../../../src/cost/advice/worker/analysis-thread.ts'
import { isAnalysable, MAX_NESTING, MAX_TEXT_LENGTH } from '../../../src/cost/advice/worker/parse-limits.ts'
import { burn } from '../../cpu-time.ts'
import { patientThread } from './advise-on.ts'

describe('the thread that analyses statements', () => {
  let thread: AnalysisThread
  afterEach(() => thread.close())

  it('names the tables of a statement, and starts with the first request only', async () => {
    thread = patientThread()
    expect(thread.starts).toBe(0)
    expect(await thread.tables('SELECT 1 FROM `p-1.d.a` x, p-1.d.b JOIN c USING (i), x.items')).toEqual([
      ['p-1', 'd', 'a'],
      ['p-1', 'd', 'b'],
      ['c'],
    ])
    expect(await thread.tables('SELECT FROM (')).toBeUndefined()
    expect(await thread.tables('no statement at all')).toBeUndefined()
    expect(thread.starts).toBe(1)
  })

  it('refuses texts that are too long or too deep before they reach the parser', async () => {
    thread = new AnalysisThread()
    const deep = `SELECT ${'('.repeat(MAX_NESTING + 1)}1${')'.repeat(MAX_NESTING + 1)}`
    expect(isAnalysable(deep)).toBe(false)
    expect(isAnalysable('SELECT (1), (2), [3]'.repeat(1000))).toBe(true)
    expect(await thread.tables(deep)).toBeUndefined()
    expect(await thread.tables(' '.repeat(MAX_TEXT_LENGTH + 1))).toBeUndefined()
    expect(thread.starts).toBe(0)
  })

  it('an overflow of the parser: no answer, and the next thread works', async () => {
    thread = new AnalysisThread()
    expect(await thread.tables(`SELECT ${'NOT '.repeat(20_000)} TRUE`)).toBeUndefined()
    await expect.poll(() => thread.tables('SELECT 1 FROM a'), { interval: 100 }).toEqual([['a']])
    expect(thread.starts).toBeGreaterThan(1)
  })

  it('a request that takes too long ends the thread; those that wait get no answer', async () => {
    thread = new AnalysisThread(1, 60_000)
    expect(await thread.tables('SELECT 1 FROM a')).toEqual([['a']])
    const long = `SELECT ${Array.from({ length: 9000 }, (_, index) => `a${index}`).join(', ')} FROM t`
    const answers = await new Promise((resolve) => {
      // The limit passes within this turn, and timers that are due come before answers: none is in time, however fast the thread is.
      setTimeout(() => {
        resolve(Promise.all([thread.tables(long), thread.tables('SELECT 1 FROM b')]))
        burn(5)
      })
    })
    expect(answers).toEqual([undefined, undefined])
  })

  it('refuses more requests than may wait, and none hangs', async () => {
    thread = patientThread()
    const answers = await Promise.all(Array.from({ length: 200 }, () => thread.tables('SELECT 1 FROM a')))
    expect(answers.filter((tables) => tables === undefined).length).toBeGreaterThan(100)
    expect(answers.filter((tables) => tables !== undefined).length).toBeGreaterThan(50)
  })
})
