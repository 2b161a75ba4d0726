import { z } from 'zod'
import { runningQueryJson, sourceDetailsJson, sourceJson, usageJson } from '../control/control-json.ts'
import { costsJson } from '../control/costs-json.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, problemAnswers } from '../schemas/answers.ts'
import { costsAnswer, costsParameters } from '../schemas/costs.ts'
import { runningQueriesAnswer, runningQueriesParameters } from '../schemas/running-query.ts'
import { sourceAnswer, sourcesAnswer } from '../schemas/source.ts'
import { usageAnswer, usageParameters } from '../schemas/usage.ts'

const tags = ['Control']
const sourceName = z.strictObject({
  name: z
    .string()
    .meta({ description: 'Name of the source, or its kind if only one source has that kind.', examples: ['demo'] }),
})
const queryId = z.strictObject({
  id: z.string().meta({ description: 'Id from `GET /api/v1/queries`.', examples: ['4f0c1d2e3a5b-7'] }),
})

/** Adds the routes about sources, usage and running statements: the same as the calls of the Gateway service. */
export function addControlRoutes(app: HttpApp, front: HttpFront): void {
  addSourceRoutes(app, front)
  addQueryRoutes(app, front)
  app.get(
    '/usage',
    {
      schema: {
        operationId: 'getUsage',
        summary: 'Tell what a principal has used',
        description: 'Figures of today, since midnight in UTC, and the limits of the principal.',
        tags,
        querystring: usageParameters,
        response: { 200: jsonAnswer('Usage and limits.', usageAnswer), ...problemAnswers(403, 404) },
      },
    },
    async ({ call, query }) => {
      const report = await front.quotas.usage.of(call, query.principal)
      const sources = report.sources.map(({ source }) => source)
      return usageJson(report, await front.costUsage.today(report.principal, sources))
    },
  )
  app.get(
    '/costs',
    {
      schema: {
        operationId: 'getCosts',
        summary: 'Tell what statements have cost',
        description:
          'Figures of a month in the billing time zone, by day, source, principal, group and label, with a forecast, the budgets and the most expensive statements.',
        tags,
        querystring: costsParameters,
        response: { 200: jsonAnswer('Costs of the month.', costsAnswer), ...problemAnswers(403) },
      },
    },
    async ({ call, query: { month, data_source: source, principal, group, label } }) =>
      costsJson(await front.costUsage.report({ month, source, principal, group, label }, call.principal)),
  )
}

function addSourceRoutes(app: HttpApp, { sourceStatus }: HttpFront): void {
  app.get(
    '/sources',
    {
      schema: {
        operationId: 'listSources',
        summary: 'List the sources',
        description: 'The sources that statements can name in `data_source`.',
        tags,
        response: {
          200: jsonAnswer('The sources, in the order of the configuration.', sourcesAnswer),
          ...problemAnswers(),
        },
      },
    },
    async ({ call }) => ({ sources: sourceStatus.list(call.principal).map(sourceJson) }),
  )
  app.get(
    '/sources/:name',
    {
      schema: {
        operationId: 'getSource',
        summary: 'Tell the state of a source',
        description: 'Health, circuit breakers, pooled connections and slots, on the replica that answers.',
        tags,
        params: sourceName,
        response: { 200: jsonAnswer('The source with its statistics.', sourceAnswer), ...problemAnswers(404) },
      },
    },
    async ({ call, params }) => sourceDetailsJson(sourceStatus.get(params.name, call.principal)),
  )
}

function addQueryRoutes(app: HttpApp, { active, administration }: HttpFront): void {
  app.get(
    '/queries',
    {
      schema: {
        operationId: 'listQueries',
        summary: 'List the statements that wait or run',
        description:
          "The caller's own statements on all replicas, and those of all callers at sources for which the caller has the grant `operate`.",
        tags,
        querystring: runningQueriesParameters,
        response: {
          200: jsonAnswer('The statements, the oldest first.', runningQueriesAnswer),
          ...problemAnswers(403, 404),
        },
      },
    },
    async ({ call, query }) => {
      const filter = { source: query.data_source, principal: query.principal }
      const { statements, isPartial } = await active.list(call.principal, filter)
      return { queries: statements.map(runningQueryJson), partial: isPartial }
    },
  )
  app.delete(
    '/queries/:id',
    {
      schema: {
        operationId: 'cancelQuery',
        summary: 'Cancel a statement',
        description:
          "Cancels one of the caller's own statements, on whichever replica it runs, or any of a source for which the caller has the grant `operate`. Its client gets the error `CANCELLED`.",
        tags,
        params: queryId,
        response: { 204: z.undefined().describe('The statement has been told to end.'), ...problemAnswers(404) },
      },
    },
    async ({ call, params }, reply) => {
      await administration.cancel({ ctx: call }, params.id)
      return reply.code(204).send()
    },
  )
}
