/** Ids of a W3C trace context. */
export interface TraceParent {
  /** The header's value, to be sent back. */
  readonly text: string
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** Id of the caller's span, 16 hexadecimal digits. */
  readonly parentId: string
}

const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-[\x21-\x7e]{1,200})?$/

/**
 * Reads the header `traceparent`; undefined if there is none or it is malformed, as the specification wants.
 * Source: https://www.w3.org/TR/trace-context/#traceparent-header.
 */
export function readTraceParent(header: string | string[] | undefined): TraceParent | undefined {
  const match = typeof header === 'string' ? form.exec(header) : undefined
  if (!match || (match[0].startsWith('00') && match[0].length !== 55)) return undefined
  return { text: match[0], traceId: match[1]!, parentId: match[2]! }
}
