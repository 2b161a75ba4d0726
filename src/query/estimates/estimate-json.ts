import type { Estimate, EstimateAccuracy } from '../estimate.ts'

/** The header by which a Flight client asks for the estimate of a statement: `true` or `false`. */
export const ESTIMATE_HEADER = 'x-flightgate-estimate'

const accuracies: readonly EstimateAccuracy[] = ['unknown', 'estimated', 'lower_bound', 'upper_bound', 'exact']
/** Most tables and suggestions that are sent. */
const MAX_TEXTS = 100
/** Largest application metadata that is read as an estimate, in bytes. */
const MAX_BYTES = 64 << 10
const start = Buffer.from('{"estimate":')

/**
 * Encodes an estimate as the application metadata of a FlightInfo: `{"estimate": {...}}`, named as in the Gateway service, without
 * what the source does not tell.
 * @param source the source's name
 */
export function encodeEstimate(source: string, estimate: Estimate): Uint8Array {
  const { accuracy, bytes, rows, costUsd, referencedTables, suggestions } = estimate
  const json = {
    data_source: source,
    accuracy,
    bytes,
    rows,
    cost_usd: costUsd,
    referenced_tables: referencedTables?.slice(0, MAX_TEXTS),
    suggestions: suggestions?.slice(0, MAX_TEXTS),
  }
  return Buffer.from(JSON.stringify({ estimate: json }))
}

/** Decodes what `encodeEstimate` of another gateway made; undefined for any other application metadata. */
export function decodeEstimate(metadata: Uint8Array): Estimate | undefined {
  const text = Buffer.from(metadata.buffer, metadata.byteOffset, metadata.byteLength)
  if (text.byteLength > MAX_BYTES || !text.subarray(0, start.byteLength).equals(start)) return undefined
  let estimate: Readonly<Record<string, unknown>>
  try {
    estimate = JSON.parse(text.toString('utf8')).estimate
  } catch {
    return undefined
  }
  const accuracy = accuracies.find((each) => each === estimate?.['accuracy'])
  if (accuracy === undefined) return undefined
  const [bytes, rows] = [countOf(estimate['bytes']), countOf(estimate['rows'])]
  const costUsd = estimate['cost_usd']
  const referencedTables = textsOf(estimate['referenced_tables'])
  const suggestions = textsOf(estimate['suggestions'])
  return {
    accuracy,
    ...(bytes !== undefined && { bytes }),
    ...(rows !== undefined && { rows }),
    ...(typeof costUsd === 'number' && costUsd >= 0 && { costUsd }),
    ...(referencedTables && { referencedTables }),
    ...(suggestions && { suggestions }),
  }
}

function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_TEXTS) return undefined
  return value.every((each) => typeof each === 'string') ? value : undefined
}
