import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { Advisor } from '../../../src/cost/advice/advisor.ts'
import { suggestionsOf, tablesOf } from '../../../src/cost/advice/analysis.ts'
import { advise } from '../../../src/cost/advice/stage.ts'
import type { AnalysisThread } from '../../../src/cost/advice/worker/analysis-thread.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import type { Estimate } from '../../../src/query/estimate.ts'
import type { Router } from '../../../src/query/router.ts'
import type { Context, Plan, Query } from '../../../src/query/types.ts'
import { parse, patientAdvisor, tables } from './advise-on.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const ctx: Context = {
  principal: { name: 'ann', roles: [] },
  signal: new AbortController().signal,
  deadlineAt: Number.POSITIVE_INFINITY,
  requestId: '1',
  log,
}
const query = (sql: string): Query => ({ source: 'bq', sql, session: {}, purpose: 'read', estimate: true })
const GB = 1e9

function planOf(sql: string, gigabytes: number | undefined, schema = 'a'): Plan {
  const estimate: Estimate =
    gigabytes === undefined
      ? { accuracy: 'unknown' }
      : {
          accuracy: 'upper_bound',
          bytes: gigabytes * GB,
          billableBytes: gigabytes * GB,
          costUsd: (gigabytes * GB * 6.25) / 2 ** 40,
        }
  return { kind: 'read', query: query(sql), schema: Buffer.from(schema), estimate }
}

const cost = { dialect: 'bigquery' as const, tableFacts: async (name: readonly string[]) => tables[name.at(-1)!] }

/** Analyses at once, so that no time limit comes before its answers. */
const threadAtHand = {
  tables: async (sql) => tablesOf(sql, parse),
  suggestions: async (sql, facts, now) => suggestionsOf(sql, facts, now, parse),
  close: async () => {},
} as Pick<AnalysisThread, 'tables' | 'suggestions' | 'close'> as AnalysisThread

describe('advice', () => {
  const advisor = patientAdvisor()
  afterAll(() => advisor.close())
  const run = (sql: string, dryRun: (sql: string) => Plan | Promise<Plan>, gigabytes: number | undefined = 40) =>
    advisor.advise(query(sql), planOf(sql, gigabytes), { cost, dryRun: async (text) => await dryRun(text) }, ctx)

  it('says what a rewrite saves, in bytes, percent and dollars', async () => {
    const sql = "SELECT id FROM d.events WHERE FORMAT_TIMESTAMP('%F', ts) = '2024-01-01' AND user_id = 5"
    const { advice, suggestions } = await run(sql, (text) => planOf(text, 1.2))
    expect(advice).toHaveLength(1)
    expect(advice![0]).toMatchObject({
      rule: 'wrapped_partition_filter',
      rewrittenQuery:
        "SELECT id FROM d.events WHERE ts >= TIMESTAMP '2024-01-01' AND ts < TIMESTAMP '2024-01-02' AND user_id = 5",
      billableBytes: 1.2 * GB,
      savedBytes: 38.8 * GB,
    })
    expect(advice![0]!.savedUsd).toBeCloseTo((38.8 * GB * 6.25) / 2 ** 40, 10)
    expect(advice![0]!.message).toMatch(/ 40 GB -> 1\.2 GB, -97 %, 0\.22 USD less at each run\.$/)
    expect(suggestions).toEqual([advice![0]!.message])
  })

  it('leaves out what saves nothing, what reads more, and what has other columns', async () => {
    const sql = "SELECT id FROM d.events WHERE FORMAT_TIMESTAMP('%F', ts) = '2024-01-01' AND user_id = 5"
    expect((await run(sql, (text) => planOf(text, 40))).advice).toBeUndefined()
    expect((await run(sql, (text) => planOf(text, 41))).advice).toBeUndefined()
    expect((await run(sql, (text) => planOf(text, 1, 'b'))).advice).toBeUndefined()
    expect((await run(sql, (text) => planOf(text, undefined))).advice).toBeUndefined()
    expect((await run(sql, () => Promise.reject(new GatewayError('BAD_SQL')))).advice).toBeUndefined()
  })

  it('puts the rewrite that saves most first, examples after those with the same rows, and tries them together', async () => {
    const sql =
      "WITH a AS (SELECT * FROM d.orders WHERE FORMAT_DATE('%Y', o_date) = '2024') SELECT o_id FROM a, d.events e"
    const sizes = (text: string) =>
      10 -
      (text.includes('SELECT *') ? 0 : 2) -
      (text.includes('FORMAT_DATE') ? 0 : 4) -
      (text.includes('e.ts') ? 3 : 0)
    const { advice } = await run(sql, (text) => planOf(text, sizes(text)), 10)
    expect(advice!.map(({ rule, savedBytes }) => [rule, savedBytes && savedBytes / GB])).toEqual([
      ['combined', 6],
      ['wrapped_partition_filter', 4],
      ['select_star', 2],
      ['missing_partition_filter', 3],
      ['cross_join', undefined],
    ])
  })

  it('keeps a rewrite that saves no bytes where bytes are not the point', async () => {
    const { advice } = await run('SELECT COUNT(DISTINCT name) FROM d.users', (text) => planOf(text, 40))
    expect(advice).toEqual([
      {
        rule: 'count_distinct',
        message: expect.stringContaining('APPROX_COUNT_DISTINCT(name)'),
        rewrittenQuery: 'SELECT APPROX_COUNT_DISTINCT(name) FROM d.users',
      },
    ])
  })

  it('makes at most 7 dry runs', async () => {
    let runs = 0
    const parts = Array.from(
      { length: 20 },
      (_, n) => `SELECT id FROM d.events WHERE FORMAT_TIMESTAMP('%F', ts) = '2024-01-${10 + n}'`,
    )
    await run(parts.join(' UNION ALL '), (text) => {
      runs++
      return planOf(text, 1)
    })
    expect(runs).toBeGreaterThan(1)
    expect(runs).toBeLessThanOrEqual(7)
  })

  it('ends in time without what is not there yet, and stops waiting when the caller leaves', async () => {
    const hurried = new Advisor({ adviceMs: 100, thread: threadAtHand })
    const sql = 'SELECT id, COUNT(DISTINCT kind) FROM d.events ORDER BY 1'
    const source = { cost, dryRun: async () => await sleep(60_000, planOf(sql, 1), { ref: false }) }
    const estimate = await hurried.advise(query(sql), planOf(sql, 40), source, ctx)
    expect(estimate.advice?.map(({ rule }) => rule)).toEqual(['order_by_without_limit'])
    const left = { ...ctx, signal: AbortSignal.abort(new GatewayError('CANCELLED')) }
    expect(await hurried.advise(query(sql), planOf(sql, 40), source, left)).toEqual(planOf(sql, 40).estimate)
    const closed = new Advisor()
    await closed.close()
    expect((await closed.advise(query(sql), planOf(sql, 40), source, ctx)).advice).toBeUndefined()
  })

  it('facts that cannot be read mean less advice', async () => {
    const failing = { tableFacts: () => Promise.reject(new GatewayError('FORBIDDEN')) }
    const sql = 'SELECT * FROM d.events ORDER BY 1'
    const source = { cost: failing, dryRun: async (text: string) => planOf(text, 1) }
    const { advice } = await advisor.advise(query(sql), planOf(sql, 40), source, ctx)
    expect(advice!.map(({ rule }) => rule)).toEqual(['order_by_without_limit'])
  })
})

describe('the stage', () => {
  const advisor = patientAdvisor()
  afterAll(() => advisor.close())
  const sql = "SELECT id FROM d.events WHERE FORMAT_TIMESTAMP('%F', ts) = '2024-01-01'"
  const stage = (source: object) => advise(advisor, { ofQuery: () => source } as unknown as Router)

  it('advises on estimates only, by the stages within it', async () => {
    const planned: string[] = []
    const next = async (each: Query) => {
      planned.push(each.sql)
      return planOf(each.sql, each.sql === sql ? 40 : 1)
    }
    const { estimate: _, ...running } = query(sql)
    const { estimate } = await stage({ cost }).plan!(running, ctx, next)
    expect([estimate?.advice, planned]).toEqual([undefined, [sql]])
    const asked = await stage({ cost }).plan!(query(sql), ctx, next)
    expect(asked.estimate?.advice?.[0]?.savedBytes).toBe(39 * GB)
    expect((await stage({}).plan!(query(sql), ctx, next)).estimate?.advice).toBeUndefined()
  })

  it('a refusal of a budget says what the best rewrite would bill, without a word of the statement', async () => {
    const refusal = new GatewayError('BUDGET_EXCEEDED', 'Too much.', { details: { reason: 'query_bytes' } })
    const { estimate: _, ...running } = query(sql)
    const refused = (gigabytes: number) =>
      stage({ cost }).plan!(running, ctx, async (each) => {
        if (!each.estimate) throw refusal
        return planOf(each.sql, each.sql === sql ? 40 : gigabytes)
      }).catch((error: unknown) => error)
    expect(await refused(1)).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      message:
        'Too much. A rewrite (wrapped_partition_filter) would bill 1 GB instead of 40 GB: ask for an estimate to see it.',
      details: { reason: 'query_bytes', advice_saved_bytes: String(39 * GB), advice_billable_bytes: String(GB) },
    })
    expect(await refused(40)).toBe(refusal)
  })

  it('a statement that cannot be planned fails as it does without the stage', async () => {
    const failure = new GatewayError('BAD_SQL', 'no')
    await expect(stage({ cost }).plan!(query(sql), ctx, () => Promise.reject(failure))).rejects.toBe(failure)
  })
})
