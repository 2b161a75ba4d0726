import { sourceKinds } from '../sources/kinds.ts'
import type { Config } from './config.ts'

/** The configuration for display: without keys, tokens and passwords. */
export function redactConfig(
  { warnings: _, auth, console, listen, redis, sources, tls, tracing, ...rest }: Config,
  kinds = sourceKinds,
): object {
  const address = ({ host, port }: { host: string; port: number }) =>
    `${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    listen: { flight: address(listen.flight), http: address(listen.http) },
    ...(tls && { tls: { cert: tls.cert.path, key: tls.key.path } }),
    auth: {
      apiKeys: auth.apiKeys.map(({ name, sha256: _, expiresAt, ...rest }) => ({
        name,
        key: '***',
        ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
        ...rest,
      })),
      oidc: auth.oidc,
      ...(auth.clientCertificates && {
        clientCertificates: { ...auth.clientCertificates, ca: auth.clientCertificates.ca.path },
      }),
      tokenTtlMs: auth.tokenTtlMs,
      sealKeys: auth.sealKeys.map(() => '***'),
    },
    sources: Object.fromEntries(
      Object.entries(sources).map(([name, source]) => [name, kinds[source.kind]!.redact?.(source) ?? source]),
    ),
    console: {
      ...console,
      ...(console.oidc && {
        oidc: { ...console.oidc, ...(console.oidc.clientSecret !== undefined && { clientSecret: '***' }) },
      }),
    },
    ...rest,
    ...(redis && { redis: withoutSecrets(redis) }),
    ...(tracing && {
      tracing: { ...tracing, headers: Object.fromEntries(Object.keys(tracing.headers).map((name) => [name, '***'])) },
    }),
  }
}

function withoutSecrets({ url, password, sentinelPassword, tls, ...rest }: NonNullable<Config['redis']>): object {
  return {
    ...(url !== undefined && { url: withoutPassword(url) }),
    ...rest,
    ...(password !== undefined && { password: '***' }),
    ...(sentinelPassword !== undefined && { sentinelPassword: '***' }),
    ...(tls && {
      tls: {
        ...(tls.ca && { ca: '(read)' }),
        ...(tls.cert && { cert: '(read)', key: '***' }),
        ...(tls.serverName !== undefined && { serverName: tls.serverName }),
        skipVerify: tls.skipVerify,
      },
    }),
  }
}

function withoutPassword(url: string): string {
  const shown = URL.parse(url)
  if (!shown) return '***'
  if (shown.password !== '') shown.password = '***'
  return shown.href
}
