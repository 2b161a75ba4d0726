/** Where a Flight server listens. */
export interface Address {
  /** Host and port. */
  readonly host: string
  readonly tls: boolean
}

/** What a server gives as location to say: on the connection that you have. */
const SAME_CONNECTION = 'arrow-flight-reuse-connection:'

/** `grpc://host:port`, or `grpc+tls://` with TLS; without a scheme it is the former. */
export function parseAddress(uri: string): Address | undefined {
  const match = /^(?:([a-z+-]+):\/\/)?([^/?]+)\/?$/.exec(uri)
  if (!match) return undefined
  const [, scheme = 'grpc', host] = match
  if (scheme === 'grpc' || scheme === 'grpc+tcp') return { host: host!, tls: false }
  return scheme === 'grpc+tls' || scheme === 'grpcs' ? { host: host!, tls: true } : undefined
}

/**
 * Where an endpoint's data can be fetched, in the order of its locations; `undefined` is the connection that gave them.
 * Credentials go along, so whoever came over TLS is not led to a place without.
 * Source: https://arrow.apache.org/docs/format/Flight.html#connection-reuse.
 * @throws Error when it can be fetched nowhere
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
    const hint = from.tls ? ', or not over TLS as this one' : ''
    throw new Error(`the rows lie at ${locations.join(', ')}: not at an address of Flight${hint}`)
  }
  return usable
}
