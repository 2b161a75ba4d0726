/** Address of a Flight server. */
export interface Address {
  /** Host and port. */
  readonly host: string
  readonly tls: boolean
}

/** Location that means the connection which returned it. */
const SAME_CONNECTION = 'arrow-flight-reuse-connection:'

/** Parses `grpc://host:port`, or `grpc+tls://` with TLS. Without a scheme it means `grpc://`. */
export function parseAddress(uri: string): Address | undefined {
  const match = /^(?:([a-z+-]+):\/\/)?([^/?]+)\/?$/.exec(uri)
  if (!match) return undefined
  const [, scheme = 'grpc', host] = match
  if (scheme === 'grpc' || scheme === 'grpc+tcp') return { host: host!, tls: false }
  return scheme === 'grpc+tls' || scheme === 'grpcs' ? { host: host!, tls: true } : undefined
}

/**
 * The addresses of an endpoint, in the order of its locations; `undefined` means the connection that returned them. The client
 * sends its credentials there, so that it skips locations without TLS if it came over TLS.
 * Source: https://arrow.apache.org/docs/format/Flight.html#connection-reuse.
 * @throws Error when the client can use none of the locations
 */
export function addressesOf(locations: readonly string[], from: Address): (Address | undefined)[] {
  if (locations.length === 0) return [undefined]
  const usable = locations.flatMap((uri): (Address | undefined)[] => {
    if (uri.startsWith(SAME_CONNECTION)) return [undefined]
    const address = parseAddress(uri)
    if (!address || (from.tls && !address.tls)) return []
    return [address.host === from.host && address.tls === from.tls ? undefined : address]
  })
  if (usable.length === 0) {
    const hint = from.tls ? ' with TLS' : ''
    throw new Error(`the rows are at ${locations.join(', ')}: none of these is a Flight address${hint}`)
  }
  return usable
}
