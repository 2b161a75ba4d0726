import { readFileSync } from 'node:fs'

/** Version of the package. Its package.json is two folders above the source file, three above the built one. */
export function packageVersion(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json'
  return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version
}
