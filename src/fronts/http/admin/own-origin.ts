import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../../../query/errors.ts'

/**
 * Refuses what a page of another origin sends: a browser sends some requests across origins without asking first, with the
 * credentials of a cookie or, on a gateway without keys, without any.
 */
export function refuseForeignOrigins(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ headers }) => {
    const { origin, host } = headers
    if (origin === undefined || hostOf(origin) === host?.toLowerCase()) return
    throw new GatewayError('FORBIDDEN', 'The routes of operators take no requests from pages of other origins.')
  })
}

/** Host and port of an origin; undefined for `null` and what is no URL. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
