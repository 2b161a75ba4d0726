import type { Logger } from 'pino'
import type { Scope } from '../../async/scope.ts'
import { Authenticator, type AuthenticatorSettings } from '../../auth/authenticator.ts'
import { watchKeyExpiry } from '../../auth/watch-key-expiry.ts'
import type { Config } from '../../config/config.ts'
import { memberSettingsOf } from '../../config/sections/member-settings.ts'
import type { Metrics } from '../../ops/metrics.ts'
import { builtInRoleNames } from '../../query/access/roles.ts'
import type { Sealer } from '../../query/seal/sealer.ts'

/** What callers authenticate with, from the configuration. @param ca authorities of client certificates, if they have changed since */
export function authenticatorSettings({ auth, groups, roles }: Config, ca?: Buffer): AuthenticatorSettings {
  const { clientCertificates } = auth
  return {
    apiKeys: auth.apiKeys,
    oidc: auth.oidc,
    clientCertificates: clientCertificates && {
      ...clientCertificates,
      ca: ca ?? clientCertificates.ca.content,
    },
    names: { groups: Object.keys(groups), roles: [...builtInRoleNames, ...Object.keys(roles)] },
    roles,
    settingsOfGroups: (names) => memberSettingsOf(names, groups),
  }
}

/** Parts that the authenticator needs. */
export interface AuthenticatorParts {
  readonly config: Config
  readonly sealer: Sealer
  readonly metrics: Metrics
  readonly log: Logger
}

/** Creates the authenticator, with its metrics and the warnings of keys that end. The scope ends these. */
export function openAuthenticator({ config, sealer, metrics, log }: AuthenticatorParts, scope: Scope): Authenticator {
  const deps = {
    sealer,
    get tokenTtlMs() {
      return config.auth.tokenTtlMs
    },
    log,
    observer: metrics.identity,
  }
  const authenticator = new Authenticator(authenticatorSettings(config), deps)
  metrics.identity.readGauges({ keyExpiries: () => authenticator.keyExpiries() })
  scope.defer(watchKeyExpiry(authenticator, log))
  return authenticator
}
