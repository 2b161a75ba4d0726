import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError } from '../../../query/errors.ts'

/**
 * Refuses a client that wants to continue a stream after an event. Results are not kept; running the statement again could repeat
 * its changes, and its rows need not come in the same order.
 * @throws GatewayError NOT_RESUMABLE
 */
export function refuseResumption(headers: IncomingHttpHeaders): void {
  const id = headers['last-event-id']
  if (id === undefined || id === '') return
  throw new GatewayError(
    'NOT_RESUMABLE',
    `The result is not kept, so the stream cannot continue after the event ${JSON.stringify(String(id).slice(0, 100))}: send the request again without last-event-id to run the statement again from its start.`,
  )
}
