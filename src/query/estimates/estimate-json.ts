import type { Estimate } from '../estimate.ts'
import { estimateMembers } from './estimate-members.ts'
import { MAX_LISTED, readEstimate } from './read-estimate.ts'

/** The header by which a Flight client asks for the estimate of a statement: `true`, `only` or `false`. */
export const ESTIMATE_HEADER = 'x-flightgate-estimate'

/** Largest application metadata that is read as an estimate, in bytes. */
const MAX_BYTES = 64 << 10
/** Most characters of rewritten statements that are sent: with the rest they stay below `MAX_BYTES`. */
const MAX_REWRITTEN = 24 << 10
const start = Buffer.from('{"estimate":')

/**
 * Encodes an estimate as the application metadata of a FlightInfo: `{"estimate": {...}}`, named as in the Gateway service, without
 * what the source does not tell.
 * @param source the source's name
 */
export function encodeEstimate(source: string, estimate: Estimate): Uint8Array {
  const { accuracy, ...members } = estimateMembers(estimate)
  const { referenced_tables, suggestions, external_costs, advice } = members
  const json = {
    data_source: source,
    accuracy,
    ...members,
    external_costs: external_costs?.slice(0, MAX_LISTED),
    referenced_tables: referenced_tables?.slice(0, MAX_LISTED),
    suggestions: suggestions?.slice(0, MAX_LISTED),
    advice: advice && bounded(advice),
  }
  return Buffer.from(JSON.stringify({ estimate: json }))
}

/** Leaves out the rewritten statements that are too long together. */
function bounded<T extends { readonly rewritten_query: string | undefined }>(advice: readonly T[]): readonly T[] {
  let left = MAX_REWRITTEN
  return advice.slice(0, MAX_LISTED).map((each) => {
    left -= each.rewritten_query?.length ?? 0
    return left >= 0 ? each : { ...each, rewritten_query: undefined }
  })
}

/** Decodes what `encodeEstimate` of another gateway made; undefined for any other application metadata. */
export function decodeEstimate(metadata: Uint8Array): Estimate | undefined {
  const text = Buffer.from(metadata.buffer, metadata.byteOffset, metadata.byteLength)
  if (text.byteLength > MAX_BYTES || !text.subarray(0, start.byteLength).equals(start)) return undefined
  try {
    return readEstimate(JSON.parse(text.toString('utf8')).estimate)
  } catch {
    return undefined
  }
}
