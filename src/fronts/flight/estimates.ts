import type { GrpcCall } from '../../grpc/server/call.ts'
import type { Estimate } from '../../query/estimate.ts'
import { ESTIMATE_HEADER, encodeEstimate } from '../../query/estimates/estimate-json.ts'
import type { AppMetadata } from '../../query/types.ts'
import type { PreparedStatement } from '../../statements/handles/prepared.ts'
import { asksForEstimate } from '../../statements/option-headers.ts'

const none = new Uint8Array(0)
const unknown: Estimate = { accuracy: 'unknown' }

/** Whether a call asks for the estimate of its statement. @throws GatewayError BAD_REQUEST */
export function isEstimated(call: GrpcCall): boolean {
  return asksForEstimate(call.header(ESTIMATE_HEADER))
}

/** A statement whose planning returns an estimate. */
export function withEstimate({ query, ...rest }: PreparedStatement): PreparedStatement {
  return { ...rest, query: { ...query, estimate: true } }
}

/**
 * The application metadata of a FlightInfo with an estimate, in place of the engine's. The endpoint keeps the engine's. Without an
 * estimate the accuracy is unknown.
 */
export function estimateMetadata(source: string, estimate = unknown, engine?: AppMetadata): AppMetadata {
  return { info: encodeEstimate(source, estimate), endpoint: engine?.endpoint ?? none }
}
