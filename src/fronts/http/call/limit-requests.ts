import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../../../query/errors.ts'
import { rateHeaders } from '../../../quotas/rate-state.ts'
import type { RequestLimiter } from '../../../quotas/request-limiter.ts'

/** The headers that `limitHttpRequests` adds to answers, for browsers. */
export const RATE_HEADERS = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset']

/** Takes one request from the caller's allowance for each request to the API, before any byte of its body is read. */
export function limitHttpRequests(api: FastifyInstance, limiter: RequestLimiter): void {
  api.addHook('onRequest', async ({ call }, { raw }) => {
    if (!limiter.isActive) return
    // On the raw response, so that answers which do not go through Fastify have the headers too.
    const tell = (headers: Readonly<Record<string, string>>) => {
      for (const [name, value] of Object.entries(headers)) raw.setHeader(name, value)
    }
    try {
      const state = await limiter.take(call)
      if (state) tell(rateHeaders(state))
    } catch (error) {
      if (error instanceof GatewayError && error.metadata) tell(error.metadata)
      throw error
    }
  })
}
