import { expect, it } from 'vitest'
import type { z } from 'zod'
import type {
  Column,
  Estimate,
  Metrics,
  Problem,
  RecentQueries,
  RunningQueries,
  Session,
  Sources,
} from '../../src/console/api/answers.ts'
import type { CacheEntries, CacheStats, Costs, History } from '../../src/console/api/history-answers.ts'
import type { Problem as GatewayProblem } from '../../src/fronts/http/call/problem.ts'
import type { SessionJson } from '../../src/fronts/http/console/session-routes.ts'
import type { cacheEntriesAnswer } from '../../src/fronts/http/schemas/cache/entries.ts'
import type { cacheAnswer } from '../../src/fronts/http/schemas/cache/stats.ts'
import type { costsAnswer } from '../../src/fronts/http/schemas/costs.ts'
import type { estimateSchema } from '../../src/fronts/http/schemas/estimate.ts'
import type { historyAnswer } from '../../src/fronts/http/schemas/history/history.ts'
import type { recentQueriesAnswer } from '../../src/fronts/http/schemas/history/recent-query.ts'
import type { metricsSchema } from '../../src/fronts/http/schemas/metrics.ts'
import type { columnSchema } from '../../src/fronts/http/schemas/rows.ts'
import type { runningQueriesAnswer } from '../../src/fronts/http/schemas/running-query.ts'
import type { sourcesAnswer } from '../../src/fronts/http/schemas/source.ts'

/** What the routes answer, and what the console reads of it. */
interface Answers {
  history: [z.output<typeof historyAnswer>, History]
  costs: [z.output<typeof costsAnswer>, Costs]
  cache: [z.output<typeof cacheAnswer>, CacheStats]
  cacheEntries: [z.output<typeof cacheEntriesAnswer>, CacheEntries]
  problem: [GatewayProblem, Problem]
  session: [SessionJson, Session]
  running: [z.output<typeof runningQueriesAnswer>, RunningQueries]
  recent: [z.output<typeof recentQueriesAnswer>, RecentQueries]
  estimate: [z.output<typeof estimateSchema>, Estimate]
  metrics: [z.output<typeof metricsSchema>, Metrics]
  column: [z.output<typeof columnSchema>, Column]
  sources: [z.output<typeof sourcesAnswer>, Sources]
}

/** Names of the answers that do not have what the console reads. */
type Wrong = { [Name in keyof Answers]: Answers[Name][0] extends Answers[Name][1] ? never : Name }[keyof Answers]

it('the console reads what the routes answer', () => {
  // The compiler is the test: with a wrong answer the type below is its name, and no longer never.
  const wrong: [Wrong] extends [never] ? readonly string[] : Wrong = []
  expect(wrong).toEqual([])
})
