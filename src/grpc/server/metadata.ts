import type { HeaderFields } from '../../http2/index.ts'

/** Metadata to send: lower-case names; values of names ending in `-bin` are bytes and travel as base64. */
export type Metadata = Readonly<Record<string, string | Uint8Array>>

/** The value of a header, once also where the same one came several times; undefined where it did not come. */
export function headerOf(headers: HeaderFields, name: string): string | undefined {
  const value = headers[name]
  if (Array.isArray(value)) return value[0]
  return value?.includes(',') ? onceIfRepeated(value) : value
}

/** What fields of one name are joined by, here and by proxies. Source: RFC 9110, section 5.3. */
const joint = /[ \t]*,[ \t]*/

/** The values of a header whose fields were joined, or the parts of a value that has commas itself. */
export function partsOf(value: string): readonly string[] {
  return value.split(joint)
}

/** An interceptor and a call may both set a header, which then comes twice. */
function onceIfRepeated(value: string): string {
  const parts = partsOf(value)
  return parts.every((part) => part === parts[0]) ? parts[0]! : value
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
