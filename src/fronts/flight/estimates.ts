import type { GrpcCall } from '../../grpc/server/call.ts'
import type { Estimate } from '../../query/estimate.ts'
import { ESTIMATE_HEADER, encodeEstimate } from '../../query/estimates/estimate-json.ts'
import { readUse } from '../../query/text/use-names.ts'
import type { AppMetadata, Context } from '../../query/types.ts'
import type { PreparedStatement } from '../../statements/handles/prepared.ts'
import { type EstimateWish, estimateWishOf } from '../../statements/option-headers.ts'
import { noColumns } from '../../statements/stored-results.ts'
import type { FlightFront } from './front.ts'
import { sendPlanHeaders } from './plan-headers.ts'
import { encodeInfoWithoutEndpoint, infoSchema } from './wire/encode-info.ts'

const none = new Uint8Array(0)
const unknown: Estimate = { accuracy: 'unknown' }

/** What a call wants of the estimate of its statement. @throws GatewayError BAD_REQUEST */
export function wishOf(call: GrpcCall): EstimateWish {
  return estimateWishOf(call.header(ESTIMATE_HEADER))
}

/** A statement whose planning returns an estimate. */
export function withEstimate({ query, ...rest }: PreparedStatement): PreparedStatement {
  return { ...rest, query: { ...query, estimate: true } }
}

/**
 * Estimates a statement and returns a FlightInfo with its schema and its estimate. It has no endpoint: nothing runs, neither now
 * nor when the client fetches the result.
 * @throws GatewayError as planning
 */
export async function estimateInfo(
  front: FlightFront,
  call: GrpcCall,
  ctx: Context,
  request: Uint8Array,
  asked: PreparedStatement,
): Promise<Buffer> {
  const { source, sql } = asked.query
  // The gateway itself executes USE: no source could plan it.
  if (readUse(sql)) return encodeInfoWithoutEndpoint(request, infoSchema(noColumns), encodeEstimate(source, unknown))
  const plan = await front.statements.estimate(asked, ctx)
  sendPlanHeaders(call, plan)
  const { estimate = unknown, schema } = plan
  return encodeInfoWithoutEndpoint(request, infoSchema(schema), encodeEstimate(source, estimate))
}

/**
 * The application metadata of a FlightInfo with an estimate, in place of the engine's. The endpoint keeps the engine's. Without an
 * estimate the accuracy is unknown.
 */
export function estimateMetadata(source: string, estimate = unknown, engine?: AppMetadata): AppMetadata {
  return { info: encodeEstimate(source, estimate), endpoint: engine?.endpoint ?? none }
}
