import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Administration } from '../../../query/admin/administration.ts'
import { GatewayError } from '../../../query/errors.ts'

/** What the audit line of a route calls its action, and the sources for which the caller needs the grant. */
export interface AdminRoute {
  readonly action: string
  readonly reach: Parameters<Administration['admit']>[2]
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set for each route of operators. */
    adminRoute?: AdminRoute
  }
}

/**
 * Refuses, before any byte of a body is read and with a line in the audit log, callers without the grant and what a page of another
 * origin sends: a browser sends some requests across origins without asking first, with the credentials of a cookie or, on a gateway
 * without keys, without any.
 */
export function guardAdminRoutes(app: FastifyInstance, administration: Administration): void {
  app.addHook('onRequest', async (request) => {
    const { call, headers, routeOptions } = request
    const { adminRoute } = routeOptions.config
    if (!adminRoute) throw new GatewayError('INTERNAL', `The route ${routeOptions.url} names no action.`)
    const about = { action: adminRoute.action, ...namedBy(request) }
    const { origin, host } = headers
    if (origin !== undefined && hostOf(origin) !== host?.toLowerCase()) {
      const error = new GatewayError(
        'FORBIDDEN',
        'The routes of operators take no requests from pages of other origins.',
      )
      await administration.refuse({ ctx: call }, { ...about, details: { origin } }, error)
    }
    await administration.admit({ ctx: call }, about, adminRoute.reach)
  })
}

/** What the path names: a source, or the id of a statement. */
function namedBy({ params }: FastifyRequest): {
  readonly source?: string | undefined
  readonly target?: string | undefined
} {
  const { name, id } = params as { readonly name?: string; readonly id?: string }
  return { source: name, target: id }
}

/** Host and port of an origin; undefined for `null` and what is no URL. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
