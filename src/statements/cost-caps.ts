import { GatewayError } from '../query/errors.ts'
import type { SessionOptions } from '../query/types.ts'

/** The header with the most that a statement of the call may cost, in US dollars. */
export const MAX_COST_HEADER = 'x-flightgate-max-cost-usd'

/** The header with the most bytes that a statement of the call may bill. */
export const MAX_BYTES_HEADER = 'x-flightgate-max-bytes-billed'

/** The header with the label under which the statements of the call count. */
export const LABEL_HEADER = 'x-flightgate-label'

/** Highest cap in US dollars. */
export const MAX_CAP_USD = 1_000_000_000
const dollars = /^\d{1,10}(\.\d{1,18})?$/
const wholeNumber = /^\d{1,16}$/
/** As values of BigQuery's labels. Source: https://cloud.google.com/bigquery/docs/labels-intro#requirements. */
const labelForm = /^[a-z0-9_-]{1,63}$/

/**
 * What a client says of the cost of its statements: what they may cost, which lowers the limits of the configuration and never raises
 * them, and the label under which they count.
 */
export type CostCaps = Pick<SessionOptions, 'maxCostUsd' | 'maxBilledBytes' | 'label'>

/** Whether a number can be the most that a statement may cost, in US dollars. */
export function isCostCap(usd: number): boolean {
  return usd >= 0 && usd <= MAX_CAP_USD
}

/** Whether a number can be the most bytes that a statement may bill. */
export function isBytesCap(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes >= 0
}

/** Reads an amount of dollars as a client writes it, such as `0.25`. */
export function costCapOf(text: string): number | undefined {
  return dollars.test(text) && isCostCap(Number(text)) ? Number(text) : undefined
}

/** Reads a number of bytes as a client writes it. */
export function bytesCapOf(text: string): number | undefined {
  return wholeNumber.test(text) && isBytesCap(Number(text)) ? Number(text) : undefined
}

/** Reads a label as a client writes it; capital letters become small ones. */
export function labelOf(text: string): string | undefined {
  const label = text.toLowerCase()
  return labelForm.test(label) ? label : undefined
}

/** The caps and the label in the headers of a call; undefined without one. @throws GatewayError BAD_REQUEST if a header does not have its form */
export function capsOf(headerOf: (name: string) => string | undefined): CostCaps | undefined {
  const [cost, bytes, named] = [MAX_COST_HEADER, MAX_BYTES_HEADER, LABEL_HEADER].map(headerOf)
  if (cost === undefined && bytes === undefined && named === undefined) return undefined
  const maxCostUsd = cost === undefined ? undefined : costCapOf(cost.trim())
  if (cost !== undefined && maxCostUsd === undefined)
    throw new GatewayError(
      'BAD_REQUEST',
      `The header ${MAX_COST_HEADER} must be an amount of US dollars, such as 0.25.`,
    )
  const maxBilledBytes = bytes === undefined ? undefined : bytesCapOf(bytes.trim())
  if (bytes !== undefined && maxBilledBytes === undefined)
    throw new GatewayError(
      'BAD_REQUEST',
      `The header ${MAX_BYTES_HEADER} must be a whole number of bytes, such as 1073741824.`,
    )
  const label = named === undefined ? undefined : labelOf(named.trim())
  if (named !== undefined && label === undefined)
    throw new GatewayError(
      'BAD_REQUEST',
      `The header ${LABEL_HEADER} must be a label of 1 to 63 letters (a to z), digits, _ and -.`,
    )
  return {
    ...(maxCostUsd !== undefined && { maxCostUsd }),
    ...(maxBilledBytes !== undefined && { maxBilledBytes }),
    ...(label !== undefined && { label }),
  }
}

/** Options with the lower of their own caps and the given ones, and with the given label if there is one. */
export function withCaps<S extends SessionOptions>(session: S, caps: CostCaps | undefined): S {
  if (caps === undefined) return session
  const maxCostUsd = lower(session.maxCostUsd, caps.maxCostUsd)
  const maxBilledBytes = lower(session.maxBilledBytes, caps.maxBilledBytes)
  return {
    ...session,
    ...(maxCostUsd !== undefined && { maxCostUsd }),
    ...(maxBilledBytes !== undefined && { maxBilledBytes }),
    ...(caps.label !== undefined && { label: caps.label }),
  }
}

function lower(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.min(one, other)
}
