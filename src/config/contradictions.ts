import { createSecureContext } from 'node:tls'
import type { z } from 'zod'
import type { SourceKinds } from '../sources/kind.ts'
import { isLoopback } from './listen.ts'
import type { configSchema } from './schema.ts'

type Parsed = z.output<typeof configSchema>

/** Problems between several settings, one line each. */
export function contradictions({ auth, defaultSource, listen, sources, tls }: Parsed, kinds: SourceKinds): string[] {
  const problems: string[] = []
  const names = Object.keys(sources)
  const has = (name: string) => names.some((each) => each.toLowerCase() === name.toLowerCase())
  if (names.length === 0) problems.push('sources: configure at least one')
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length)
    problems.push('sources: names must differ in more than upper and lower case')
  if (defaultSource === undefined && names.length > 1)
    problems.push(`defaultSource: required with several sources; choose one of ${names.join(', ')}`)
  if (defaultSource !== undefined && !has(defaultSource))
    problems.push(`defaultSource: there is no source ${defaultSource}; known: ${names.join(', ')}`)
  for (const [i, key] of auth.apiKeys.entries()) {
    const earlier = auth.apiKeys.slice(0, i)
    if (earlier.some(({ name }) => name === key.name))
      problems.push(`auth.apiKeys.${i}.name: another principal has the name ${key.name}`)
    if (earlier.some(({ sha256 }) => sha256.equals(key.sha256)))
      problems.push(`auth.apiKeys.${i}.key: another principal has the same key`)
    if (key.defaultSource !== undefined && !has(key.defaultSource))
      problems.push(
        `auth.apiKeys.${i}.defaultSource: there is no source ${key.defaultSource}; known: ${names.join(', ')}`,
      )
  }
  for (const [name, source] of Object.entries(sources))
    problems.push(...(kinds[source.kind]!.problems?.(name, source) ?? []))
  for (const [kind, { sharedProblems }] of Object.entries(kinds)) {
    const own = Object.entries(sources).filter(([, source]) => source.kind === kind)
    problems.push(...(sharedProblems?.(Object.fromEntries(own)) ?? []))
  }
  if (tls)
    try {
      createSecureContext({ cert: tls.cert.content, key: tls.key.content })
    } catch (error) {
      problems.push(`tls: certificate and key cannot be used (${(error as Error).message})`)
    }
  if (listen.flight.port !== 0 && listen.flight.port === listen.http.port && meet(listen.flight.host, listen.http.host))
    problems.push(`listen.http: port ${listen.http.port} is that of listen.flight: choose another`)
  for (const name of ['flight', 'http'] as const)
    if (auth.apiKeys.length === 0 && !isLoopback(listen[name]))
      problems.push(
        `listen.${name}: ${listen[name].host} is not a loopback address and there are no API keys: set auth.apiKeys or API_KEYS, or listen on 127.0.0.1`,
      )
  return problems
}

/** Warnings about settings that work but should be changed. @param plainKeys principals with a plain-text key in the file */
export function warningsOf(
  { auth, listen, sources, tls }: Parsed,
  kinds: SourceKinds,
  plainKeys: readonly string[],
): string[] {
  const warnings = plainKeys.map(
    (name) => `auth.apiKeys: the key of ${name} is in plain text; sha256:<hex> keeps it out of the file`,
  )
  for (const [name, source] of Object.entries(sources))
    warnings.push(...(kinds[source.kind]!.warnings?.(name, source) ?? []))
  if (!tls && !isLoopback(listen.flight)) warnings.push('tls: keys and data cross the network unencrypted')
  if (auth.apiKeys.length > 0 && auth.sealKeys.length === 0)
    warnings.push('auth.sealKeys: not set, so tickets and tokens end with this process and other replicas reject them')
  return warnings
}

const everywhere = new Set(['0.0.0.0', '::'])

/** Whether two hosts may overlap in an address. */
function meet(a: string, b: string): boolean {
  return a === b || everywhere.has(a) || everywhere.has(b)
}
