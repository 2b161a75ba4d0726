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
function shown({ warnings: _, auth, listen, tls, ...rest }: Config): object {
  const address = ({ host, port }: { host: string; port: number }) =>
    `${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    listen: { flight: address(listen.flight), http: address(listen.http) },
    ...(tls && { tls: { cert: '***', key: '***' } }),
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
    ...rest,
  }
}
