import { formatAddress } from '../../grpc/client/address.ts'
import type { UpstreamSettings } from './settings.ts'

/** Problems of settings that contradict each other, one line each. */
export function upstreamProblems(name: string, { username, password, token, pool, tls }: UpstreamSettings): string[] {
  const at = `sources.${name}`
  const problems: string[] = []
  if (token !== undefined && username !== undefined) problems.push(`${at}: set a token, or user and password, not both`)
  if (password !== undefined && username === undefined) problems.push(`${at}.username: a password needs a user`)
  if (username !== undefined && password === undefined && token === undefined)
    problems.push(`${at}.password: the user ${username} has none; write "" if the server requires none`)
  if (pool.min > pool.max) problems.push(`${at}.pool.min: ${pool.min} is above pool.max (${pool.max})`)
  if ((tls.cert === undefined) !== (tls.key === undefined))
    problems.push(`${at}.tls: a client certificate needs both cert and key`)
  return problems
}

/** Warnings about settings that work but should be changed, one line each. */
export function upstreamWarnings(name: string, { tls }: UpstreamSettings): string[] {
  return tls.skipVerify
    ? [`sources.${name}.tls.skipVerify: an attacker on the network path can read and change everything`]
    : []
}

/** The settings without credentials. Header values may be credentials too. */
export function redactUpstream({ uri, addresses, password, token, headers, tls, ...rest }: UpstreamSettings): object {
  const given = (value: unknown, name: string) => (value === undefined ? {} : { [name]: '***' })
  return {
    ...rest,
    uri: formatAddress(uri),
    addresses: addresses.map(formatAddress),
    ...given(password, 'password'),
    ...given(token, 'token'),
    headers: Object.fromEntries(Object.keys(headers).map((name) => [name, '***'])),
    tls: {
      ...given(tls.ca, 'ca'),
      ...given(tls.cert, 'cert'),
      ...given(tls.key, 'key'),
      ...(tls.serverName !== undefined && { serverName: tls.serverName }),
      skipVerify: tls.skipVerify,
    },
  }
}
