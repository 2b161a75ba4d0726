import { folderProblem } from '../../config/setting/folder-problem.ts'
import { formatAddress } from '../../grpc/client/address.ts'
import type { CallerLogin, IdentitySettings } from './identity/identity-settings.ts'
import { standIns } from './identity/stand-ins.ts'
import type { UpstreamSettings } from './settings.ts'

/** Most logins of a source: each has connections of its own. */
const MAX_LOGINS = 1000
/** Headers by which a server knows the caller. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'auth-token-bin', 'cookie'])

/** Problems of settings that contradict each other, one line each. */
export function upstreamProblems(name: string, settings: UpstreamSettings): string[] {
  const { pool, tls, slowReader, minStreams, maxStreams } = settings
  const at = `sources.${name}`
  const problems = [...loginProblems(at, settings), ...identityProblems(at, settings)]
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

function loginProblems(at: string, { username, password, token }: CallerLogin): string[] {
  const problems: string[] = []
  if (token !== undefined && username !== undefined) problems.push(`${at}: set a token, or user and password, not both`)
  if (password !== undefined && username === undefined) problems.push(`${at}.username: a password needs a user`)
  if (username !== undefined && password === undefined && token === undefined)
    problems.push(`${at}.password: the user ${username} has none; write "" if the server requires none`)
  return problems
}

function identityProblems(source: string, settings: UpstreamSettings): string[] {
  const identity = identityOf(settings)
  if (identity?.mode !== 'impersonate') return []
  const at = `${source}.identity`
  const problems: string[] = []
  for (const [group, logins] of Object.entries({ principals: identity.principals, groups: identity.groups }))
    for (const [name, login] of Object.entries(logins)) {
      const where = `${at}.${group}.${name}`
      problems.push(...loginProblems(where, login))
      if (login.username === undefined && login.password === undefined && login.token === undefined)
        problems.push(`${where}: set a token, or user and password`)
    }
  if (settings.username === undefined && settings.token === undefined)
    problems.push(
      `${at}.mode: health checks use the login of the source: set ${source}.username and password, or token`,
    )
  const count = standIns(identity).length
  if (count > MAX_LOGINS) problems.push(`${at}: has ${count} logins; at most ${MAX_LOGINS}`)
  if (settings.cache?.scope === 'shared')
    problems.push(`${source}.cache.scope: shared: with identity.mode each caller may see other rows: leave it out`)
  const own = Object.keys(settings.headers).filter((name) => CREDENTIALS.has(name))
  for (const header of own)
    problems.push(`${source}.headers.${header}: with identity.mode it would be sent for every caller: leave it out`)
  return problems
}

function identityOf(settings: UpstreamSettings): IdentitySettings | undefined {
  return settings.kind === 'dremio' ? settings.identity : undefined
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
export function redactUpstream(settings: UpstreamSettings): object {
  const { uri, addresses, password, token, headers, tls, ...rest } = settings
  const identity = identityOf(settings)
  return {
    ...rest,
    ...(identity && {
      identity: {
        ...identity,
        principals: redactLogins(identity.principals),
        groups: redactLogins(identity.groups),
      },
    }),
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

function given(value: unknown, name: string): object {
  return value === undefined ? {} : { [name]: '***' }
}

function redactLogins(logins: Readonly<Record<string, CallerLogin>>): object {
  return Object.fromEntries(
    Object.entries(logins).map(([name, { password, token, ...rest }]) => [
      name,
      { ...rest, ...given(password, 'password'), ...given(token, 'token') },
    ]),
  )
}
