import { stringify } from 'yaml'
import type { Config } from '../config/config.ts'
import { readConfig } from './read-config.ts'

/** Prints the settings in force, or every problem; sets the exit code. */
export function checkConfig(options: { config?: string }): void {
  const config = readConfig(options)
  if (!config) return
  process.stdout.write(
    `${config.warnings.map((each) => `# warning: ${each}\n`).join('')}# the configuration is valid\n`,
  )
  process.stdout.write(stringify(shown(config)))
}

/** The configuration as it may be shown. */
function shown({ warnings: _, auth, listen, sources, tls, ...rest }: Config): object {
  const address = ({ host, port }: { host: string; port: number }) =>
    `${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    listen: { flight: address(listen.flight), http: address(listen.http) },
    ...(tls && { tls: { cert: tls.cert.path, key: tls.key.path } }),
    auth: {
      apiKeys: auth.apiKeys.map(({ name, roles, defaultSource }) => ({
        name,
        key: '***',
        roles,
        ...(defaultSource !== undefined && { defaultSource }),
      })),
      tokenTtlMs: auth.tokenTtlMs,
      sealKeys: auth.sealKeys.map(() => '***'),
    },
    sources: Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, shownSource(source)])),
    ...rest,
  }
}

/** A source without its credentials; values of headers may be some too. */
function shownSource(source: Config['sources'][string]): object {
  if (source.kind === 'duckdb') return source
  const { uri, addresses, password, token, headers, tls, ...rest } = source
  const given = (value: unknown, name: string) => (value === undefined ? {} : { [name]: '***' })
  return {
    ...rest,
    uri: shownAddress(uri),
    addresses: addresses.map(shownAddress),
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

function shownAddress({ host, port, tls }: { host: string; port: number; tls: boolean }): string {
  return `grpc${tls ? '+tls' : ''}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
