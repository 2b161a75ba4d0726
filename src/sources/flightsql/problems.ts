import { folderProblem } from '../../config/setting/folder-problem.ts'
import { formatAddress } from '../../grpc/client/address.ts'
import type { UpstreamSettings } from './settings.ts'

/** Problems of settings that contradict each other, one line each. */
export function upstreamProblems(
  name: string,
  { username, password, token, pool, tls, slowReader, minStreams, maxStreams }: UpstreamSettings,
): string[] {
  const at = `sources.${name}`
  const problems: string[] = []
  if (token !== undefined && username !== undefined) problems.push(`${at}: set a token, or user and password, not both`)
  if (password !== undefined && username === undefined) problems.push(`${at}.username: a password needs a user`)
  if (username !== undefined && password === undefined && token === undefined)
    problems.push(`${at}.password: the user ${username} has none; write "" if the server requires none`)
  if (pool.min > pool.max) problems.push(`${at}.pool.min: ${pool.min} is above pool.max (${pool.max})`)
  if (minStreams !== undefined && minStreams > maxStreams)
    problems.push(`${at}.minStreams: ${minStreams} is above maxStreams (${maxStreams})`)
  const { spillDirectory } = slowReader
  const spilling = spillDirectory === undefined ? undefined : folderProblem(spillDirectory, { isCreated: false })
  if (spilling !== undefined) problems.push(`${at}.slowReader.spillDirectory: ${spilling}`)
  if ((tls.cert === undefined) !== (tls.key === undefined))
    problems.push(`${at}.tls: a client certificate needs both cert and key`)
  return problems
}

/** Warnings about settings that work but should be changed, one line each. */
export function upstreamWarnings(name: string, { tls, uri, addresses }: UpstreamSettings): string[] {
  const at = `sources.${name}.tls`
  const warnings = tls.skipVerify
    ? [`${at}.skipVerify: an attacker on the network path can read and change everything`]
    : []
  const isSet = tls.skipVerify || [tls.ca, tls.cert, tls.key, tls.serverName].some((value) => value !== undefined)
  if (isSet && ![uri, ...addresses].some((address) => address.tls))
    warnings.push(`${at}: has no effect on ${formatAddress(uri)}, which is without TLS: write grpc+tls://`)
  return warnings
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
