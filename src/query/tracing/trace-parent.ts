/** Ids of a W3C trace context. */
export interface TraceParent {
  /** The header's value, to be sent back. */
  readonly text: string
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** Id of the caller's span, 16 hexadecimal digits. */
  readonly parentId: string
  /** Whether the caller records its span. */
  readonly isSampled: boolean
}

const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-[\x21-\x7e]{1,200})?$/
/** Characters that version 00 has. */
const LENGTH = 55
const SAMPLED = 1
/** Longer values are dropped. Source: https://www.w3.org/TR/trace-context/#tracestate-limits. */
const MAX_STATE_LENGTH = 512

/**
 * Reads the header `traceparent`; undefined if there is none or it is malformed, as the specification wants.
 * Source: https://www.w3.org/TR/trace-context/#traceparent-header.
 */
export function readTraceParent(header: string | readonly string[] | undefined): TraceParent | undefined {
  if (typeof header !== 'string') return undefined
  const match = form.exec(header)
  if (!match || (header.startsWith('00') && header.length !== LENGTH)) return undefined
  const isSampled = (Number.parseInt(match[3]!, 16) & SAMPLED) !== 0
  return { text: header, traceId: match[1]!, parentId: match[2]!, isSampled }
}

/** The header `tracestate`, if it can be passed on; without a `traceparent` it means nothing. */
export function readTraceState(header: string | readonly string[] | undefined): string | undefined {
  const text = header === undefined || typeof header === 'string' ? header : header.join(',')
  return text !== undefined && text !== '' && text.length <= MAX_STATE_LENGTH ? text : undefined
}
