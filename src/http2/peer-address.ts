const IPV6_GROUPS = 8
/** Groups of an IPv6 address that form the /64 network, which providers assign to one customer. */
const NETWORK_GROUPS = 4

/**
 * Key for per-address limits: an IPv4 address (also if mapped to IPv6), or the /64 network of an IPv6 address.
 * @param remoteAddress value of `socket.remoteAddress`; undefined after the peer has disconnected
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
