import type { HeaderFields } from '../../http2/header-decoder.ts'

/** Metadata to send: lower-case names; values of names ending in `-bin` are bytes and travel as base64. */
export type Metadata = Readonly<Record<string, string | Uint8Array>>

/** First value of a header, or undefined. */
export function headerOf(headers: HeaderFields, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/**
 * Metadata as HTTP/2 header fields. Binary values are base64 without padding.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Binary-Header".
 */
export function toHeaderFields(metadata: Metadata): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(metadata))
    fields[name] = typeof value === 'string' ? value : Buffer.from(value).toString('base64').replace(/=+$/, '')
  return fields
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }

/**
 * A `grpc-timeout` header in milliseconds (fractions kept), undefined when it is malformed. Eight digits of hours do not
 * overflow here: the caller clamps.
 * Source: PROTOCOL-HTTP2.md, "Timeout".
 */
export function parseTimeoutMs(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text)
  return match ? Number(match[1]) * unitMs[match[2]!]! : undefined
}
