import { availableParallelism } from 'node:os'
import { createSecureContext } from 'node:tls'
import type { z } from 'zod'
import type { SourceKinds } from '../sources/kind.ts'
import { takesAnyone } from './auth.ts'
import { defaultMaxInFlightBytes } from './limits.ts'
import { isLoopback } from './listen.ts'
import type { configSchema } from './schema.ts'
import { issuerProblems } from './sections/oidc.ts'
import { roleProblems, unknownRoles } from './sections/roles.ts'
import { type BudgetSettings, budgetSettings } from './setting/budget.ts'
import { folderProblem } from './setting/folder-problem.ts'
import type { ValidParts } from './valid-parts.ts'

type Parsed = z.output<typeof configSchema>

/** Pairs of limits of which the first must not be above the second. */
const orderedLimits = [
  ['defaultDeadlineMs', 'maxDeadlineMs'],
  ['maxConnectionsPerAddress', 'maxConnections'],
  ['maxStatementBytes', 'maxInboundMessageBytes'],
  ['maxInboundMessageBytes', 'maxRequestMemoryBytes'],
  ['maxRepeatableResultBytes', 'repeatableStoreBytes'],
] as const

/** Problems between several settings, one line each. Faulty settings count for no rule. */
export function contradictions(parts: ValidParts, kinds: SourceKinds): string[] {
  return [
    ...nameProblems(parts),
    ...roleProblems(parts.roles, parts.sourceNames),
    ...keyProblems(parts),
    ...issuerProblems(parts.oidc),
    ...issuerNameProblems(parts),
    ...groupProblems(parts),
    ...consoleProblems(parts),
    ...sourceProblems(parts, kinds),
    ...listenProblems(parts),
    ...limitProblems(parts),
    ...chunkProblems(parts),
    ...stateProblems(parts),
    ...cacheProblems(parts),
  ]
}

function nameProblems({ defaultSource, sourceNames: names }: ValidParts): string[] {
  if (names === undefined) return []
  const problems: string[] = []
  if (names.length === 0) problems.push('sources: configure at least one')
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length)
    problems.push('sources: names must differ in more than upper and lower case')
  if (defaultSource && defaultSource.value === undefined && names.length > 1)
    problems.push(`defaultSource: required with several sources; choose one of ${names.join(', ')}`)
  if (defaultSource?.value !== undefined) problems.push(...unknownSource('defaultSource', defaultSource.value, names))
  return problems
}

function issuerNameProblems(parts: ValidParts): string[] {
  const { oidc, certificateRoles, certificateGroups, roleNames, groupNames } = parts
  const ofIssuers = oidc.flatMap(({ roles, defaultRoles, groups }, i) => [
    ...unknownRoles(`auth.oidc[${i}].roles`, Object.keys(roles), roleNames),
    ...unknownRoles(`auth.oidc[${i}].defaultRoles`, defaultRoles, roleNames),
    ...unknownGroups(`auth.oidc[${i}].groups`, Object.keys(groups), groupNames),
  ])
  return [
    ...ofIssuers,
    ...unknownRoles('auth.clientCertificates.roles', certificateRoles, roleNames),
    ...unknownGroups('auth.clientCertificates.groups', certificateGroups, groupNames),
  ]
}

function groupProblems({ groups, sourceNames }: ValidParts): string[] {
  return Object.entries(groups).flatMap(
    ([
      group,
      {
        members: { defaultSource },
      },
    ]) =>
      defaultSource === undefined || !sourceNames
        ? []
        : unknownSource(`groups.${group}.members.defaultSource`, defaultSource, sourceNames),
  )
}

/** @param names of the groups in the configuration; undefined if they are not known */
function unknownGroups(setting: string, groups: readonly string[], names: readonly string[] | undefined): string[] {
  if (!names) return []
  const known = names.length > 0 ? `; known: ${names.join(', ')}` : ''
  return groups
    .filter((group) => !names.includes(group))
    .map((group) => `${setting}: there is no group ${group} in groups${known}`)
}

function unknownSource(setting: string, name: string, names: readonly string[]): string[] {
  if (names.some((each) => each.toLowerCase() === name.toLowerCase())) return []
  return [`${setting}: there is no source ${name}; known: ${names.join(', ')}`]
}

function keyProblems({ apiKeys = [], groupNames, roleNames, sourceNames }: ValidParts): string[] {
  const problems: string[] = []
  for (const [i, key] of apiKeys.entries()) {
    if (!key) continue
    const earlier = apiKeys.slice(0, i).filter((each) => each !== undefined)
    const at = `auth.apiKeys[${i}]`
    if (earlier.some(({ sha256 }) => sha256.equals(key.sha256)))
      problems.push(`${at}.key: another entry has the same key`)
    if (key.defaultSource !== undefined && sourceNames)
      problems.push(...unknownSource(`${at}.defaultSource`, key.defaultSource, sourceNames))
    problems.push(...unknownRoles(`${at}.roles`, key.roles, roleNames))
    problems.push(...unknownGroups(`${at}.groups`, key.groups ?? [], groupNames))
  }
  return problems
}

function consoleProblems({ oidc, consoleLogin }: ValidParts): string[] {
  if (!consoleLogin || oidc.some(({ issuer }) => issuer === consoleLogin.issuer)) return []
  return ['console.oidc.issuer: auth.oidc has no valid entry of this issuer, which says what roles its callers have']
}

function sourceProblems({ sources, workers }: ValidParts, kinds: SourceKinds): string[] {
  const problems = Object.entries(sources).flatMap(
    ([name, source]) => kinds[source.kind]!.problems?.(name, source) ?? [],
  )
  for (const [kind, { sharedProblems }] of Object.entries(kinds)) {
    const own = Object.entries(sources).filter(([, source]) => source.kind === kind)
    problems.push(...(sharedProblems?.(Object.fromEntries(own)) ?? []))
  }
  if (workers > 1)
    for (const [name, source] of Object.entries(sources)) {
      const problem = kinds[source.kind]!.sharing?.(name, source)
      if (problem !== undefined) problems.push(problem)
    }
  return problems
}

function listenProblems({ apiKeys, hasOtherLogin, hasCertificates, listen, tls }: ValidParts): string[] {
  const problems: string[] = []
  if (tls)
    try {
      createSecureContext({ cert: tls.cert.content, key: tls.key.content })
    } catch (error) {
      problems.push(`tls: certificate and key cannot be used (${(error as Error).message})`)
    }
  else if (hasCertificates) problems.push('auth.clientCertificates: needs tls, by which clients show certificates')
  const { flight, http } = listen
  if (flight && http && flight.port !== 0 && flight.port === http.port && meet(flight.host, http.host))
    problems.push(`listen.http: port ${http.port} is that of listen.flight: choose another`)
  for (const [name, address] of Object.entries({ flight, http }))
    if (apiKeys?.length === 0 && !hasOtherLogin && address && !isLoopback(address))
      problems.push(
        `listen.${name}: ${address.host} is not a loopback address and there are no API keys: set auth.apiKeys or API_KEYS, or listen on 127.0.0.1`,
      )
  return problems
}

/** Defaults count only as upper bounds: a default that is above a bound gives way to it. */
function limitProblems({ limits, setLimits }: ValidParts): string[] {
  return orderedLimits.flatMap(([lower, upper]) => {
    const [value, bound] = [limits[lower], limits[upper]]
    if (!setLimits.includes(lower) || value === undefined || bound === undefined || value <= bound) return []
    return [`limits.${lower}: ${value} is above limits.${upper} (${bound})`]
  })
}

/** As for limits, a default of the lower setting gives way to the upper one. */
function chunkProblems({ http: { chunkRows, maxChunkRows }, setHttp }: ValidParts): string[] {
  if (!setHttp.includes('chunkRows') || chunkRows === undefined || maxChunkRows === undefined) return []
  return chunkRows <= maxChunkRows ? [] : [`http.chunkRows: ${chunkRows} is above http.maxChunkRows (${maxChunkRows})`]
}

function cacheProblems({ cache }: ValidParts): string[] {
  const directory = cache?.spillDirectory
  const problem = directory === undefined ? undefined : folderProblem(directory, { isCreated: false })
  return problem === undefined ? [] : [`cache.spillDirectory: ${problem}`]
}

function stateProblems({ state }: ValidParts): string[] {
  const problem = state?.directory === undefined ? undefined : folderProblem(state.directory, { isCreated: true })
  return problem === undefined ? [] : [`state.directory: ${problem}`]
}

/** Warnings about settings that work but should be changed. @param plainKeys principals with a plain-text key in the file */
export function warningsOf(settings: Parsed, kinds: SourceKinds, plainKeys: readonly string[]): string[] {
  const { auth, listen, quotas, redis, replica, sources, tls } = settings
  const warnings = plainKeys.map(
    (name) => `auth.apiKeys: the key of ${name} is in plain text; sha256:<hex> keeps it out of the file`,
  )
  for (const [name, source] of Object.entries(sources))
    warnings.push(...(kinds[source.kind]!.warnings?.(name, source) ?? []))
  warnings.push(...expiredKeys(auth.apiKeys))
  if (takesAnyone(auth) && Object.values(quotas).some((quota) => quota !== undefined && quota > 0))
    warnings.push('quotas: without auth.apiKeys each gRPC connection has its own, and a new connection begins anew')
  if (!tls && !isLoopback(listen.flight)) warnings.push('tls: keys and data cross the network unencrypted')
  if (redis?.tls?.skipVerify) warnings.push('redis.tls.skipVerify: any server can pass for Redis: set ca instead')
  if (redis && auth.sealKeys.length === 0)
    warnings.push(
      'auth.sealKeys: not set, so replicas that share redis reject the tickets, tokens and prepared statements of each other and share no cached results: set the same keys everywhere, for example by FLIGHTGATE_SEAL_KEYS',
    )
  else if (!takesAnyone(auth) && auth.sealKeys.length === 0)
    warnings.push('auth.sealKeys: not set, so tickets and tokens end with this process and other replicas reject them')
  if (replica && (redis === undefined || auth.sealKeys.length === 0))
    warnings.push('replica: without redis and auth.sealKeys replicas do not find each other')
  return [...warnings, ...workerWarnings(settings), ...budgetWarnings(settings, kinds)]
}

function expiredKeys(apiKeys: Parsed['auth']['apiKeys']): string[] {
  const now = Date.now()
  return apiKeys.flatMap(({ name, expiresAt }, i) =>
    expiresAt !== undefined && expiresAt <= now
      ? [`auth.apiKeys[${i}]: this key of ${name} has expired: remove it`]
      : [],
  )
}

function workerWarnings({ workers, cache }: Parsed): string[] {
  if (workers === 1) return []
  const warnings: string[] = []
  const cores = availableParallelism()
  if (workers > cores)
    warnings.push(`workers: ${workers} processes share ${cores} cores; more workers than cores cost memory only`)
  const cacheBytes = workers * cache.maxBytes
  const quarterBytes = defaultMaxInFlightBytes()
  if (cacheBytes > quarterBytes)
    warnings.push(
      `cache.maxBytes: each worker has a cache of its own, ${workers} of them ${inMib(cacheBytes)}, more than a quarter of the memory (${inMib(quarterBytes)})`,
    )
  return warnings
}

const inMib = (bytes: number) => `${Math.floor(bytes / (1 << 20))} MiB`

const everywhere = new Set(['0.0.0.0', '::'])

function budgetWarnings({ auth, budgets, groups, redis, sources, state }: Parsed, kinds: SourceKinds): string[] {
  const ofSources = Object.values(sources).flatMap((source) => kinds[source.kind]!.billing?.(source).limits ?? [])
  const others: readonly BudgetSettings[] = [
    budgets,
    ...Object.values(groups).flatMap(({ budgets: shared, members }) => [shared, members.budgets ?? {}]),
    ...auth.apiKeys.flatMap((key) => key.budgets ?? []),
  ]
  const hasAny = (settings: BudgetSettings, names: readonly (keyof BudgetSettings)[]) =>
    names.some((name) => settings[name] !== undefined)
  const names = Object.keys(budgetSettings) as (keyof BudgetSettings)[]
  if (ofSources.length === 0)
    return others.some((each) => hasAny(each, names))
      ? ['budgets: no source bills its statements, so they limit nothing']
      : []
  const isKept = redis !== undefined || state.directory !== undefined
  const hasBudget = [...ofSources, ...others].some((each) => hasAny(each, ['dailyBudgetUsd', 'monthlyBudgetUsd']))
  return isKept || !hasBudget
    ? []
    : [
        'state.directory: not set, so budgets begin anew with each start: set it or FLIGHTGATE_STATE_DIR, or redis.url for several machines',
      ]
}

/** Whether two hosts may overlap in an address. */
function meet(a: string, b: string): boolean {
  return a === b || everywhere.has(a) || everywhere.has(b)
}
