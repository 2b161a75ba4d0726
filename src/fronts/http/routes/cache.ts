import { cacheEntriesJson } from '../control/cache-entries-json.ts'
import { cacheJson } from '../control/cache-json.ts'
import type { HttpFront } from '../front.ts'
import type { HttpApp } from '../http-app.ts'
import { jsonAnswer, problemAnswers } from '../schemas/answers.ts'
import { cacheEntriesAnswer, cacheEntriesParameters } from '../schemas/cache/entries.ts'
import { cacheAnswer, clearAnswer, clearParameters } from '../schemas/cache/stats.ts'

const tags = ['Control']

/** Adds the routes that tell the state of the result cache and clear it: the same as the calls of the Gateway service. */
export function addCacheRoutes(app: HttpApp, { cache, administration, cacheEntries }: HttpFront): void {
  app.get(
    '/cache',
    {
      schema: {
        operationId: 'getCache',
        summary: 'Tell the state of the result cache',
        description:
          'Figures of the replica that answers, since its process began. For callers with the grant `operate`.',
        tags,
        response: { 200: jsonAnswer('The state of the result cache.', cacheAnswer), ...problemAnswers(403) },
      },
    },
    async ({ call }) => cacheJson(cache.stats(call.principal)),
  )
  app.get(
    '/cache/entries',
    {
      schema: {
        operationId: 'listCacheEntries',
        summary: 'List the largest entries of the result cache',
        description:
          'The largest or the most used entries in the memory of all processes, with the statement that filled them: of the sources on which the caller has the grant `operate`.',
        tags,
        querystring: cacheEntriesParameters,
        response: { 200: jsonAnswer('The entries.', cacheEntriesAnswer), ...problemAnswers(403, 404) },
      },
    },
    async ({ call, query: { order, limit, data_source: source } }) =>
      cacheEntriesJson(await cacheEntries.list(call.principal, { order, limit, source })),
  )
  app.delete(
    '/cache',
    {
      schema: {
        operationId: 'clearCache',
        summary: 'Clear the result cache',
        description:
          'Drops the entries that match all parameters, on all replicas; without a parameter all entries. Results of statements that run now are not stored either, if they match. For callers with the grant `operate`.',
        tags,
        querystring: clearParameters,
        response: { 200: jsonAnswer('The entries are dropped.', clearAnswer), ...problemAnswers(403, 404) },
      },
    },
    async ({ call, query: { data_source: source, tag, key, principal } }) => ({
      cleared: await administration.clearCache({ ctx: call }, { source, tag, key, principal }),
    }),
  )
}
