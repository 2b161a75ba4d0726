const IPV6_GROUPS = 8
/** Of an IPv6 address, those that name the network: a customer of a provider has all addresses in it. */
const NETWORK_GROUPS = 4

/**
 * What counts as one address: an IPv4 address, also when it comes as IPv6, or the /64 network of an IPv6 address.
 * @param remoteAddress as `socket.remoteAddress` says, undefined when the peer has gone already
 */
export function networkOf(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return 'unknown'
  if (remoteAddress.includes('.')) return remoteAddress.slice(remoteAddress.lastIndexOf(':') + 1)
  const [head = '', tail] = remoteAddress.replace(/%.*/, '').split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':')
    while (groups.length + last.length < IPV6_GROUPS) groups.push('0')
    groups.push(...last)
  }
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`
}
