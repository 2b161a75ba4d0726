import type { FastifyReply } from 'fastify'
import { cacheHeaders } from '../../../statements/cache/cache-headers.ts'
import { estimateHeaders } from '../../../statements/cost-headers.ts'
import type { StartedStatement } from '../../../statements/requests/statement-requests.ts'

/** Sets the headers of an answer that tell of its statement: what it is expected to cost, and what the result cache did. */
export function setStatementHeaders(
  reply: FastifyReply,
  { plan, trace }: Pick<StartedStatement, 'plan' | 'trace'>,
): void {
  const headers = { ...estimateHeaders(plan.cost), ...cacheHeaders(trace.cache) }
  for (const [name, value] of Object.entries(headers)) reply.header(name, value)
}
