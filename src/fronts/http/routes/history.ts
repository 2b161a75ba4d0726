import { recentQueryJson } from '../control/recent-query-json.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, problemAnswers } from '../schemas/answers.ts'
import { recentQueriesAnswer, recentQueriesParameters } from '../schemas/history/recent-query.ts'

const tags = ['Control']

/** Adds the routes that look back: the statements that ended last. */
export function addHistoryRoutes(app: HttpApp, { recent }: HttpFront): void {
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
