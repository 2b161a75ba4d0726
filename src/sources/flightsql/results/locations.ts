import { formatAddress, type UpstreamAddress } from '../../../grpc/client/address.ts'
import type { UpstreamEndpoint } from '../protocol/flight-sql-client.ts'

/** Consecutive parts of a result that one connection can serve. */
export interface PlacedTickets {
  /** Where they can be fetched, in the order to try; then, and when it is empty, on the connection that told of them. */
  readonly addresses: readonly UpstreamAddress[]
  /** As DoGet takes them, in order. */
  readonly tickets: readonly Uint8Array[]
}

const REUSE_CONNECTION = 'arrow-flight-reuse-connection:'
/** Servers that do not know their own address advertise the one that they are bound to. */
const unspecifiedHosts = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0'])
const pattern = /^(grpc|grpc\+tcp|grpc\+tls|grpcs):\/\/(\[[^\]]+\]|[^:/?#@[\]]+):(\d{1,5})\/?$/

/** The endpoints of a result by where they can be fetched, in order. @param own address that told of them */
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
 * The addresses to try before the connection that told of an endpoint. `arrow-flight-reuse-connection`, an address of no node
 * (0.0.0.0) and the upstream's own mean that connection. Left out are schemes other than Flight's, and addresses without TLS
 * where the source has it, since the login goes along.
 * Source: https://arrow.apache.org/docs/format/Flight.html#downloading-data, #connection-reuse.
 *
 * @param own address that the endpoint was told at
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
