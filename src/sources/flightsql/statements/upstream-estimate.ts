import type { Estimate } from '../../../query/estimate.ts'
import { decodeEstimate } from '../../../query/estimates/estimate-json.ts'
import type { UpstreamInfo } from '../protocol/flight-sql-client.ts'

/**
 * What a FlightInfo tells about its statement: the estimate of another flightgate, which sends one as application metadata, else
 * the rows of the result. total_bytes is left out, since it counts the result and not what the statement reads. 0 counts as
 * unknown, because it is the value of a field that the server does not set.
 * @param isAsked whether the server was asked for an estimate
 * @returns undefined if the FlightInfo tells nothing
 */
export function upstreamEstimate(
  { appMetadata, totalRecords }: Pick<UpstreamInfo, 'appMetadata' | 'totalRecords'>,
  isAsked: boolean,
): Estimate | undefined {
  const own = isAsked ? decodeEstimate(appMetadata) : undefined
  if (own) return own
  return totalRecords > 0 ? { accuracy: 'estimated', rows: totalRecords } : undefined
}
