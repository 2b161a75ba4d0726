import { readFileSync } from 'node:fs'

/** Version of the package: two folders up from the sources, three from their build. */
export function packageVersion(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json'
  return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version
}
