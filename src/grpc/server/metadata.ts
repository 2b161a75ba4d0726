import { randomUUID } from 'node:crypto'
import type { HeaderFields } from '../../http2/index.ts'

/** Header of a call that another process of the gateway has passed on. */
export const FORWARDED_HEADER = 'x-flightgate-forwarded'

/** Metadata to send, with lower-case names. Values of names that end in `-bin` are bytes and are sent as base64. */
export type Metadata = Readonly<Record<string, string | Uint8Array>>

/** Value of a header, or undefined. If the header is repeated with equal values, the value is returned once. */
export function headerOf(headers: HeaderFields, name: string): string | undefined {
  const value = headers[name]
  if (Array.isArray(value)) return value[0]
  return value?.includes(',') ? onceIfRepeated(value) : value
}

/**
 * Splits a header value at its commas: into joined values, or into the parts of one value with commas. Linear in the length, since
 * callers without credentials reach it. Source: RFC 9110, section 5.3.
 */
export function partsOf(value: string): readonly string[] {
  return value.split(',').map(trimmed)
}

/** A text without spaces and tabs at its ends. A pattern would look again from each space of a run. */
function trimmed(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Both an interceptor and a call may set a header, which is then sent twice. */
function onceIfRepeated(value: string): string {
  const parts = partsOf(value)
  return parts.every((part) => part === parts[0]) ? parts[0]! : value
}

/**
 * Converts metadata to HTTP/2 header fields. Binary values become base64 without padding.
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
 * Parses a `grpc-timeout` header into milliseconds, with fractions; undefined if it is malformed. The caller clamps large values
 * such as 8 digits of hours.
 * Source: PROTOCOL-HTTP2.md, "Timeout".
 */
export function parseTimeoutMs(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text)
  return match ? Number(match[1]) * unitMs[match[2]!]! : undefined
}

const requestIdPattern = /^[\w.:-]{1,128}$/

/** The request id of a call: `x-request-id` if it is well-formed, else a new one. */
export function requestIdOf(headers: HeaderFields): string {
  const given = headerOf(headers, 'x-request-id')
  return given !== undefined && requestIdPattern.test(given) ? given : randomUUID()
}
