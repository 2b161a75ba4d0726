import { isIP } from 'node:net'
import { GatewayError } from '../../../query/errors.ts'

/**
 * Refuses a request that names the gateway by a host name of others. While the gateway takes calls without credentials it listens
 * on loopback, but a page of a foreign site can reach that too: its own name only has to resolve to 127.0.0.1 (DNS rebinding).
 * @param header the header `host`; clients of HTTP/1.0 may send none, browsers always do
 * @param allowed further names
 * @throws GatewayError FORBIDDEN
 */
export function checkHost(header: string | undefined, allowed: readonly string[]): void {
  if (header === undefined) return
  const host = header.replace(/:\d*$/, '').toLowerCase()
  const isAddress = isIP(host.replace(/^\[|\]$/g, '')) !== 0
  if (isAddress || host === 'localhost' || host.endsWith('.localhost') || allowed.includes(host)) return
  throw new GatewayError(
    'FORBIDDEN',
    'Without API keys the gateway takes HTTP calls by an IP address or localhost only: call it so, list the name in http.hosts, or configure keys.',
  )
}
