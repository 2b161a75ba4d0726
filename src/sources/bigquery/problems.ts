import { existsSync } from 'node:fs'
import type { BigQuerySettings } from './settings.ts'

/** Problems of settings that contradict each other, one line each. */
export function bigQueryProblems(
  name: string,
  { anonymous, keyFile, impersonate, identity, cache }: BigQuerySettings,
): string[] {
  const at = `sources.${name}`
  const problems: string[] = []
  if (anonymous && keyFile !== undefined) problems.push(`${at}: set keyFile or anonymous, not both`)
  if (anonymous && impersonate !== undefined) problems.push(`${at}: set impersonate or anonymous, not both`)
  if (identity?.mode === 'impersonate') {
    if (anonymous) problems.push(`${at}: set identity.mode or anonymous, not both`)
    if (cache?.scope === 'shared')
      problems.push(`${at}.cache.scope: shared: with identity.mode each caller may see other rows: leave it out`)
  }
  if (keyFile !== undefined && !existsSync(keyFile)) problems.push(`${at}.keyFile: there is no file ${keyFile}`)
  return problems
}

/** Warnings about settings that work but should be changed, one line each. */
export function bigQueryWarnings(name: string, { endpoint, iamEndpoint, anonymous }: BigQuerySettings): string[] {
  const isPlain = (url: string | undefined) => url?.toLowerCase().startsWith('http://') && !anonymous
  return [
    ...(isPlain(endpoint)
      ? [
          `sources.${name}.endpoint: http:// sends the credentials without encryption; set anonymous: true for an emulator`,
        ]
      : []),
    ...(isPlain(iamEndpoint)
      ? [`sources.${name}.iamEndpoint: http:// sends the credentials without encryption: use https://`]
      : []),
  ]
}

/** The settings for display. The credentials are in files, whose paths may be shown. */
export function redactBigQuery({ storageEndpoint, ...rest }: BigQuerySettings): object {
  if (storageEndpoint === undefined) return rest
  const { host, port, tls } = storageEndpoint
  const scheme = tls === undefined ? '' : tls ? 'https://' : 'http://'
  return { ...rest, storageEndpoint: `${scheme}${host.includes(':') ? `[${host}]` : host}:${port}` }
}
