import type { HeaderFields } from '../hpack/header-decoder.ts'

const forbidden = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']
const known = new Set([':method', ':scheme', ':path', ':authority'])

/** Whether the fields form a valid request header. Source: RFC 9113, sections 8.2.2 and 8.3.1. */
export function isRequest(fields: HeaderFields): boolean {
  const { ':method': method, ':scheme': scheme, ':path': path, te } = fields
  if (method === undefined || scheme === undefined || !path || (te !== undefined && te !== 'trailers')) return false
  for (const name in fields) if (name.startsWith(':') && !known.has(name)) return false
  return !hasConnectionFields(fields)
}

/** Whether there are connection-specific fields of HTTP/1. Source: RFC 9113, section 8.2.2. */
export function hasConnectionFields(fields: HeaderFields): boolean {
  return forbidden.some((name) => fields[name] !== undefined)
}

/** Whether the fields can be trailers: none is a pseudo-header field. */
export function isTrailers(fields: HeaderFields): boolean {
  for (const name in fields) if (name.startsWith(':')) return false
  return true
}
