import { afterAll, describe, expect, it } from 'vitest'
import { Advisor } from '../../../src/cost/advice/advisor.ts'
import { type Facts, factsKey, suggestionsOf, tablesOf } from '../../../src/cost/advice/analysis.ts'
import { applyEdits } from '../../../src/cost/advice/suggestion.ts'
import { treeOf } from '../../../src/cost/advice/syntax/tree.ts'
import { isAnalysable } from '../../../src/cost/advice/worker/parse-limits.ts'
import type { TableFacts } from '../../../src/query/billing/source-cost.ts'
import type { Context, Plan, Query } from '../../../src/query/types.ts'
import { longestTurnMs } from '../../cpu-time.ts'
import { now, parse, tables } from './advise-on.ts'
import { typicalStatements } from './typical-statements.ts'

/** Mutated statements; more with FUZZ_STATEMENTS. */
const MUTATIONS = Number(process.env['FUZZ_STATEMENTS'] ?? 1500)

const seeds = [
  ...typicalStatements.map(({ sql }) => sql),
  "WITH RECURSIVE a AS (SELECT * FROM d.orders UNION ALL SELECT * FROM a), b AS (SELECT a.* EXCEPT (o_user) FROM a) SELECT b.o_id FROM b JOIN d.users USING (id) WHERE DATE_TRUNC(o_date, MONTH) = '2024-01-01'",
  "FROM d.events |> WHERE DATE(ts) = '2024-01-01' |> AGGREGATE COUNT(*) AS n GROUP BY kind |> ORDER BY n DESC",
  'DECLARE x DATE DEFAULT CURRENT_DATE(); IF x > "2024-01-01" THEN SELECT * FROM d.orders WHERE o_date = x; END IF; BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN RAISE; END;',
  "MERGE d.orders t USING (SELECT * FROM d.orders) s ON t.o_id = s.o_id WHEN MATCHED AND FORMAT_DATE('%Y', t.o_date) = '2024' THEN UPDATE SET o_status = s.o_status WHEN NOT MATCHED THEN INSERT ROW",
  "UPDATE d.orders o SET o_status = 'x' FROM d.users u WHERE o.o_user = u.id AND CAST(o.o_date AS STRING) LIKE '2024-%'",
  "SELECT ARRAY(SELECT AS STRUCT * FROM UNNEST(items) WITH OFFSET o ORDER BY o), x.y[SAFE_OFFSET(0)].z FROM d.events e, e.items, UNNEST([1,2]) n PIVOT(SUM(a) FOR b IN ('1', '2'))",
  'SELECT \'😀é\\u00e9\' AS `a😀`, r\'\\d\' /* 😀 -- */ FROM `p-1.d.events` -- é😀\nWHERE # comment\n DATE(ts) = \'2024-01-01\' AND kind = """a\nb""" AND @p = ? AND ts > @@time_zone',
  "SELECT CASE WHEN DATE(ts) = '2024-01-01' THEN 1 ELSE (SELECT MAX(id) FROM d.users) END, CAST(a AS STRUCT<x INT64, y ARRAY<STRING>>), INTERVAL '1' DAY, NUMERIC '1.5' FROM d.events TABLESAMPLE SYSTEM (1 PERCENT) FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()",
  'CREATE OR REPLACE TABLE d.x PARTITION BY DATE(ts) CLUSTER BY a OPTIONS (require_partition_filter = TRUE) AS SELECT * FROM d.events',
  'SELECT 1 FROM (d.users JOIN d.orders ON TRUE) LEFT JOIN (SELECT * FROM d.events) e ON e.id = users.id QUALIFY ROW_NUMBER() OVER w = 1 WINDOW w AS (PARTITION BY k)',
]
const words = seeds.flatMap((seed) => seed.match(/\w+|\s+|[^\w\s]/gu) ?? [])

/** A small generator of the same numbers at each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function* mutations(count: number): Generator<string> {
  const random = numbers(42)
  for (let made = 0; made < count; made++) {
    const parts = seeds[random(seeds.length)]!.match(/\w+|\s+|[^\w\s]/gu)!
    for (let change = random(4); change >= 0; change--) {
      const at = random(parts.length)
      const word = words[random(words.length)]!
      const kind = random(5)
      if (kind === 0) parts.splice(at, 1)
      else if (kind === 1) parts.splice(at, 0, word)
      else if (kind === 2) parts[at] = word
      else if (kind === 3) parts.splice(at, random(8), ...parts.slice(random(parts.length), random(parts.length)))
      else parts.splice(at, 0, ...seeds[random(seeds.length)]!.match(/\w+|\s+|[^\w\s]/gu)!.slice(0, random(40)))
    }
    yield parts.join('')
  }
}

const hostile = [
  '',
  ';;;',
  '\0',
  '\ud800 SELECT \udc00',
  '/*',
  "'",
  '`',
  '"""',
  'SELECT 1 --',
  `SELECT ${'- '.repeat(30_000)}1`,
  `SELECT ${'NOT '.repeat(20_000)}TRUE`,
  `SELECT a${'.b'.repeat(30_000)}`,
  `SELECT 1${' + 1'.repeat(20_000)}`,
  `SELECT * FROM a${' JOIN a USING (x)'.repeat(3000)}`,
  `SELECT 1${' UNION ALL SELECT 1'.repeat(4000)}`,
  `WITH ${Array.from({ length: 1500 }, (_, n) => `c${n} AS (SELECT * FROM ${n ? `c${n - 1}` : 'd.orders'})`).join(', ')} SELECT o_id FROM c1499`,
  `SELECT ${'('.repeat(3000)}1${')'.repeat(3000)}`,
  `SELECT ${'CASE WHEN a THEN '.repeat(3000)}1${' END'.repeat(3000)}`,
  `SELECT ${'IF(a, 1, '.repeat(199)}2${')'.repeat(199)}`,
  `SELECT ${'ARRAY<'.repeat(5000)}`,
  `${'BEGIN '.repeat(5000)}SELECT 1;${' END;'.repeat(5000)}`,
  `SELECT '${'😀'.repeat(40_000)}' FROM d.events WHERE DATE(ts) = '2024-01-01'`,
  `SELECT ${Array.from({ length: 9000 }, (_, n) => `c${n}`).join(',')} FROM (SELECT * FROM d.events)`,
  'SELECT 1;\n'.repeat(9000),
  'x'.repeat(2_000_000),
]

const isParsed = (sql: string) => {
  try {
    return treeOf(sql, parse(sql)) !== undefined
  } catch {
    return false
  }
}

describe('hostile and mutated statements', () => {
  it('every rewrite of a mutated statement can be read again, and rules throw nothing of their own', () => {
    let rewrites = 0
    for (const sql of mutations(MUTATIONS)) {
      if (!isAnalysable(sql) || !isParsed(sql)) continue
      const facts: Facts = new Map(
        tablesOf(sql, parse)!.flatMap((path): [string, TableFacts][] => {
          const known = tables[path.at(-1)!]
          return known ? [[factsKey(path), known]] : []
        }),
      )
      for (const { edits } of suggestionsOf(sql, facts, now, parse)) {
        if (!edits) continue
        const rewritten = applyEdits(sql, edits)
        expect(rewritten !== undefined && isParsed(rewritten), `${sql}\n=> ${rewritten}`).toBe(true)
        rewrites++
      }
    }
    expect(rewrites).toBeGreaterThan(MUTATIONS / 20)
  }, 120_000)

  describe('through the thread', () => {
    const advisor = new Advisor({ adviceMs: 5000 })
    afterAll(() => advisor.close())
    const log = { debug() {}, info() {}, error() {}, warn: (fields: object) => void warnings.push(fields) }
    const warnings: object[] = []

    it('hostile texts end without advice, the event loop stays free, and the next statement gets advice', async () => {
      const ctx: Context = {
        principal: { name: 'ann', roles: [] },
        signal: new AbortController().signal,
        deadlineAt: Number.POSITIVE_INFINITY,
        requestId: '1',
        log,
      }
      const planOf = (sql: string): Plan => {
        const query: Query = { source: 'bq', sql, session: {}, purpose: 'read' }
        return { kind: 'read', query, schema: new Uint8Array(), estimate: { accuracy: 'exact', bytes: 1e9 } }
      }
      const source = {
        cost: { tableFacts: async (name: readonly string[]) => tables[name.at(-1)!] },
        dryRun: async (sql: string) => planOf(sql),
      }
      const advise = (sql: string) => advisor.advise(planOf(sql).query, planOf(sql), source, ctx)
      const longestMs = await longestTurnMs(async () => {
        for (const sql of hostile) expect((await advise(sql)).accuracy).toBe('exact')
      })
      // Generous: garbage collection counts as well.
      expect(longestMs).toBeLessThan(500)
      const advised = async () => (await advise('SELECT COUNT(DISTINCT name) FROM d.users')).advice?.length
      await expect.poll(advised).toBe(1)
      expect(warnings).toEqual([])
    }, 120_000)
  })
})
