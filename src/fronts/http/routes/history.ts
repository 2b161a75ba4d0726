import { z } from 'zod'
import { historyJson, sourceHistoryJson } from '../control/history-json.ts'
import { recentQueryJson } from '../control/recent-query-json.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, problemAnswers } from '../schemas/answers.ts'
import { historyAnswer, historyParameters, sourceHistoryAnswer } from '../schemas/history/history.ts'
import { recentQueriesAnswer, recentQueriesParameters } from '../schemas/history/recent-query.ts'

const tags = ['Control']
const sourceName = z.strictObject({
  name: z
    .string()
    .meta({ description: 'Name of the source, or its kind if only one source has that kind.', examples: ['demo'] }),
})

/** Adds the routes that look back: the statements that ended last, and the last hour of the sources. */
export function addHistoryRoutes(app: HttpApp, front: HttpFront): void {
  addRecentRoute(app, front)
  addHourRoutes(app, front)
}

function addRecentRoute(app: HttpApp, { recent }: HttpFront): void {
  app.get(
    '/queries/recent',
    {
      schema: {
        operationId: 'listRecentQueries',
        summary: 'List the statements that ended last',
        description:
          "The caller's own statements on all replicas, and those of all callers at sources for which the caller has the grant `operate`, with their time split into its parts. Each process remembers them in memory (`history.recentStatements`), until it ends.",
        tags,
        querystring: recentQueriesParameters,
        response: {
          200: jsonAnswer('The statements; the one that ended last first.', recentQueriesAnswer),
          ...problemAnswers(403, 404),
        },
      },
    },
    async ({ call, query: { data_source: source, principal, outcome, limit } }) => {
      const { statements, isPartial } = await recent.list(call.principal, { source, principal, outcome, limit })
      return { queries: statements.map(recentQueryJson), partial: isPartial }
    },
  )
}

function addHourRoutes(app: HttpApp, { histories, sourceStatus }: HttpFront): void {
  app.get(
    '/history',
    {
      schema: {
        operationId: 'getHistory',
        summary: 'Tell the last hour of the gateway',
        description:
          'Health, circuit breakers, pools, queues, statements, rows and cache of each source that the caller may see, and the delay and memory of the processes, on all replicas.',
        tags,
        querystring: historyParameters,
        response: { 200: jsonAnswer('The last hour, step by step.', historyAnswer), ...problemAnswers() },
      },
    },
    async ({ call, query }) => {
      const sources = sourceStatus.list(call.principal).map(({ name }) => name)
      return historyJson(await histories.report({ sources, stepMs: query.step_seconds * 1000 }))
    },
  )
  app.get(
    '/sources/:name/history',
    {
      schema: {
        operationId: 'getSourceHistory',
        summary: 'Tell the last hour of a source',
        description:
          'Health, circuit breakers, pool, queue, statements, rows and cache of the source, on all replicas.',
        tags,
        params: sourceName,
        querystring: historyParameters,
        response: { 200: jsonAnswer('The last hour, step by step.', sourceHistoryAnswer), ...problemAnswers(404) },
      },
    },
    async ({ call, params, query }) => {
      const { name } = sourceStatus.get(params.name, call.principal)
      return sourceHistoryJson(await histories.report({ sources: [name], stepMs: query.step_seconds * 1000 }))
    },
  )
}
