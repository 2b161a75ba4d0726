import type { SettingPath } from '../setting/path.ts'

/**
 * Which settings a reload changes while the gateway serves. The longest pattern that begins a path decides; `*` stands for any name.
 * Settings without a pattern need a restart, so that a setting which its part reads only at start is never reported as changed.
 */
const patterns: Readonly<Record<string, boolean>> = {
  'auth.apiKeys': true,
  'auth.oidc': true,
  'auth.clientCertificates.required': true,
  'auth.clientCertificates.principal': true,
  'auth.clientCertificates.roles': true,
  'auth.clientCertificates.groups': true,
  'auth.sealKeys': true,
  'auth.tokenTtlMs': true,
  sources: true,
  defaultSource: true,
  limits: true,
  'limits.handshakeTimeoutMs': false,
  'limits.maxMetadataBytes': false,
  'limits.maxInboundMessageBytes': false,
  'limits.maxRequestMemoryBytes': false,
  'limits.repeatableStoreBytes': false,
  quotas: true,
  budgets: true,
  'budgets.timeZone': false,
  groups: true,
  roles: true,
  'cache.maxBytes': true,
  'cache.ttlMs': true,
  'cache.staleWhileRevalidateMs': true,
  'cache.staleIfErrorMs': true,
  'cache.maxEntryBytes': true,
  drain: true,
  health: true,
  'log.level': true,
}

const known = Object.entries(patterns)
  .map(([pattern, isLive]) => ({ names: pattern.split('.'), isLive }))
  .sort((a, b) => b.names.length - a.names.length)

/** Whether a reload changes the setting at this path; otherwise the change needs a restart. */
export function isLive(path: SettingPath): boolean {
  const match = known.find(({ names }) => names.every((name, i) => (name === '*' ? i < path.length : name === path[i])))
  return match?.isLive ?? false
}
