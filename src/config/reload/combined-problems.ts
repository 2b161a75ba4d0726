import type { SourceKinds } from '../../sources/kind.ts'
import type { Config } from '../config.ts'
import { contradictions } from '../contradictions.ts'
import { limitsSchema } from '../limits.ts'

const defaultLimits: Readonly<Record<string, unknown>> = limitsSchema.parse({})

/**
 * Problems of new settings together with those that stay as they are until a restart, one line each: the file itself may be valid.
 * @param changedLimits names of the limits that differ from the running ones. The defaults among them give way, as at start, and so
 * do the limits that stay
 */
export function combinedProblems(config: Config, changedLimits: readonly string[], kinds: SourceKinds): string[] {
  const { listen, tls, workers, auth, sources, groups, roles, state, cache, defaultSource, limits, http } = config
  return contradictions(
    {
      listen,
      tls,
      workers,
      apiKeys: auth.apiKeys,
      oidc: auth.oidc,
      consoleLogin: config.console.oidc,
      hasOtherLogin: auth.oidc.length > 0 || auth.clientCertificates !== undefined,
      certificateRoles: Object.keys(auth.clientCertificates?.roles ?? {}),
      certificateGroups: Object.keys(auth.clientCertificates?.groups ?? {}),
      hasCertificates: auth.clientCertificates !== undefined,
      sources,
      sourceNames: Object.keys(sources),
      roles,
      roleNames: Object.keys(roles),
      groups,
      groupNames: Object.keys(groups),
      state,
      cache,
      defaultSource: { value: defaultSource },
      limits,
      setLimits: changedLimits.filter((name) => (limits as typeof defaultLimits)[name] !== defaultLimits[name]),
      http,
      setHttp: [],
    },
    kinds,
  )
}
