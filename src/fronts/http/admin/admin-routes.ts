import { z } from 'zod'
import { runningQueryJson } from '../control/control-json.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, problemAnswers } from '../schemas/answers.ts'
import { clearAnswer } from '../schemas/cache/stats.ts'
import { runningQueriesAnswer, runningQueriesParameters } from '../schemas/running-query.ts'
import { clearBody, reasonBody, reloadAnswer, reloadBody } from './admin-schemas.ts'

const tags = ['Administration']
const queryId = z.strictObject({
  id: z.string().meta({ description: 'Id from `GET /admin/queries`.', examples: ['4f0c1d2e3a5b-7'] }),
})

/** Adds the routes of operators under `/admin`. Each action is audited. */
export function addAdminRoutes(app: HttpApp, { administration }: HttpFront): void {
  app.get(
    '/queries',
    {
      config: { adminRoute: { action: 'list_statements', reach: 'any' } },
      schema: {
        operationId: 'adminListQueries',
        summary: 'List the statements of all principals',
        description: 'The statements that wait or run, on all replicas, for operators.',
        tags,
        querystring: runningQueriesParameters,
        response: {
          200: jsonAnswer('The statements, the oldest first.', runningQueriesAnswer),
          ...problemAnswers(403, 404),
        },
      },
    },
    async ({ call, query: { data_source: source, principal } }) => {
      const { statements, isPartial } = await administration.queries({ ctx: call }, { source, principal })
      return { queries: statements.map(runningQueryJson), partial: isPartial }
    },
  )
  app.post(
    '/reload',
    {
      config: { adminRoute: { action: 'reload_config', reach: 'all' } },
      schema: {
        operationId: 'adminReload',
        summary: 'Reload the configuration',
        description:
          'Reads the configuration file and the files of secrets again, as SIGHUP does, and applies what can change without a restart. A configuration with problems changes nothing: the answer has status 400 and lists them. With several replicas, only the one that answers reloads. With `dry_run` it changes nothing, and tells what a reload would do.',
        tags,
        body: reloadBody,
        response: { 200: jsonAnswer('What has changed.', reloadAnswer), ...problemAnswers(400, 403) },
      },
    },
    async ({ call, body: { reason, dry_run: isDryRun = false } }) => {
      const report = await administration.reload({ ctx: call, reason }, isDryRun)
      const { outcome, changed, needsRestart, problems, digest } = report
      return {
        outcome,
        dry_run: isDryRun,
        changed: [...changed],
        needs_restart: [...needsRestart],
        problems: [...problems],
        digest,
      }
    },
  )
  const killed = { 204: z.undefined().describe('The statement has been told to end.'), ...problemAnswers(403, 404) }
  const about =
    'Ends a statement of any principal, on whichever replica it runs. Its client gets the error `CANCELLED`.'
  app.delete(
    '/queries/:id',
    {
      config: { adminRoute: { action: 'cancel_statement', reach: 'any' } },
      schema: {
        operationId: 'adminDeleteQuery',
        summary: 'Kill a statement',
        description: about,
        tags,
        params: queryId,
        response: killed,
      },
    },
    async ({ call, params }, reply) => {
      await administration.kill({ ctx: call }, params.id)
      return reply.code(204).send()
    },
  )
  app.post(
    '/queries/:id/cancel',
    {
      config: { adminRoute: { action: 'cancel_statement', reach: 'any' } },
      schema: {
        operationId: 'adminCancelQuery',
        summary: 'Kill a statement, with a reason',
        description: about,
        tags,
        params: queryId,
        body: reasonBody,
        response: killed,
      },
    },
    async ({ call, params, body: { reason } }, reply) => {
      await administration.kill({ ctx: call, reason }, params.id)
      return reply.code(204).send()
    },
  )
  app.post(
    '/cache/clear',
    {
      config: { adminRoute: { action: 'clear_cache', reach: 'any' } },
      schema: {
        operationId: 'adminClearCache',
        summary: 'Clear the result cache',
        description: 'Drops the entries that match all members of the body, on all replicas; without one all entries.',
        tags,
        body: clearBody,
        response: { 200: jsonAnswer('The entries are dropped.', clearAnswer), ...problemAnswers(403, 404) },
      },
    },
    async ({ call, body: { data_source: source, tag, key, principal, reason } }) => ({
      cleared: await administration.clearCache({ ctx: call, reason }, { source, tag, key, principal }),
    }),
  )
}
