import { formatAddress, type UpstreamAddress } from '../../../grpc/client/address.ts'
import type { UpstreamEndpoint } from '../protocol/flight-sql-client.ts'

/** Consecutive parts of a result that one connection can serve. */
export interface PlacedTickets {
  /** Addresses to try, in order. The last resort, and the only one if this is empty, is the connection that returned them. */
  readonly addresses: readonly UpstreamAddress[]
  /** Encoded as DoGet takes them, in order. */
  readonly tickets: readonly Uint8Array[]
}

const REUSE_CONNECTION = 'arrow-flight-reuse-connection:'
/** Some servers do not know their own address and advertise the one that they listen on. */
const unspecifiedHosts = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0'])
const pattern = /^(grpc|grpc\+tcp|grpc\+tls|grpcs):\/\/(\[[^\]]+\]|[^:/?#@[\]]+):(\d{1,5})\/?$/

/** Groups consecutive endpoints of a result by their addresses. @param own address of the upstream that returned them */
export function placeTickets(endpoints: readonly UpstreamEndpoint[], own: UpstreamAddress): PlacedTickets[] {
  const placed: { key: string; addresses: readonly UpstreamAddress[]; tickets: Uint8Array[] }[] = []
  for (const { ticket, locations } of endpoints) {
    const addresses = addressesOf(locations, own)
    const key = addresses.map(formatAddress).join(' ')
    const last = placed.at(-1)
    if (last?.key === key) last.tickets.push(ticket)
    else placed.push({ key, addresses, tickets: [ticket] })
  }
  return placed
}

/**
 * The addresses to try before the connection that returned an endpoint. `arrow-flight-reuse-connection`, an unspecified address
 * (0.0.0.0) and the upstream's own address mean that connection. It skips schemes other than Flight's. If the source uses TLS
 * it also skips addresses without TLS, because each fetch sends the login.
 * Source: https://arrow.apache.org/docs/format/Flight.html#downloading-data, #connection-reuse.
 *
 * @param own address of the upstream that returned the endpoint
 */
export function addressesOf(locations: readonly string[], own: UpstreamAddress): UpstreamAddress[] {
  const addresses: UpstreamAddress[] = []
  for (const uri of locations) {
    const address = parse(uri)
    const isHere = address && (unspecifiedHosts.has(address.host) || formatAddress(address) === formatAddress(own))
    if (isHere || uri.startsWith(REUSE_CONNECTION)) break
    if (address && (address.tls || !own.tls)) addresses.push(address)
  }
  return addresses
}

function parse(uri: string): UpstreamAddress | undefined {
  const [, scheme, host, digits] = pattern.exec(uri) ?? []
  const port = Number(digits)
  if (!host || port < 1 || port > 65_535) return undefined
  return { host: host.replace(/^\[|\]$/g, ''), port, tls: scheme === 'grpc+tls' || scheme === 'grpcs' }
}
