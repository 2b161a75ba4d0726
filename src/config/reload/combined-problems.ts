import type { SourceKinds } from '../../sources/kind.ts'
import type { Config } from '../config.ts'
import { contradictions } from '../contradictions.ts'

/**
 * Problems of new settings together with those that stay as they are until a restart, one line each: the file itself may be valid.
 * @param changedLimits names of the limits that differ from the running ones; a default of the others gives way
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
      hasCertificates: auth.clientCertificates !== undefined,
      sources,
      sourceNames: Object.keys(sources),
      roles,
      roleNames: Object.keys(roles),
      groupNames: Object.keys(groups),
      state,
      cache,
      defaultSource: { value: defaultSource },
      limits,
      setLimits: changedLimits,
      http,
      setHttp: [],
    },
    kinds,
  )
}
