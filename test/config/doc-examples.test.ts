import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'flightgate-docs-'))
afterAll(() => rmSync(folder, { recursive: true }))
const existing = join(folder, 'existing')
writeFileSync(existing, 'a secret of at least thirty-two characters')

const pages = ['README.md', ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })]
  .filter((page) => page.endsWith('.md'))
  .map((page) => (page === 'README.md' ? page : join('docs', page)))
  // Their YAML configures Envoy, and Helm and Prometheus.
  .filter((page) => !['reverse-proxies.md', 'deployment.md'].includes(basename(page)))
const blocks = pages
  .flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/^(?:```yaml|cat > .*<<'YAML')\n(.*?)^(?:```|YAML)$/gms)].map(
      ([, text], i) => ({ page, number: i + 1, text: text! }),
    ),
  )
  // Such YAML configures Kubernetes.
  .filter(({ text }) => !/^readinessProbe:/m.test(text))

describe('examples of the configuration', () => {
  it('are found', () => expect(blocks.length).toBeGreaterThan(7))

  it.each(blocks)('$page, block $number is one', ({ text }) => {
    const file = join(folder, 'flightgate.yaml')
    const written = text
      .replaceAll(/sha256:(?:<64 hex digits>|\.\.\.)/g, `sha256:${'0'.repeat(64)}`)
      .replaceAll(/\/run\/secrets\/[\w.-]+/g, existing)
      .replaceAll('path: sales.duckdb', 'path: ":memory:"')
    writeFileSync(file, written)
    const env = Object.fromEntries([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name!, `value-of-${name}`]))
    expect(Object.keys(loadConfig({ file, env }).sources)).not.toEqual([])
  })
})
