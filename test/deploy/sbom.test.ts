import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

it('the bill of materials lists each dependency with its version, license and digest, and of development only what is bundled', async () => {
  const command = ['run', '--silent', 'sbom']
  const { stdout } = await promisify(execFile)('npm', command, { cwd: root, maxBuffer: 64 << 20 })
  const bill = JSON.parse(stdout)
  const { name, version, dependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
  expect(bill).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name, version } } })
  const components = bill.components as { name: string; version: string; licenses?: object[]; hashes?: object[] }[]
  const listed = new Map(components.map((each) => [`${each.name}@${each.version}`, each]))
  for (const [dependency, pinned] of Object.entries(dependencies))
    expect([dependency, listed.has(`${dependency}@${pinned}`)]).toEqual([dependency, true])
  const names = new Set(components.map((each) => each.name))
  const bundled = ['preact', '@preact/signals', '@preact/signals-core', 'uplot']
  expect(bundled.filter((each) => !names.has(each))).toEqual([])
  expect(['typescript', 'vitest', '@biomejs/biome', 'oidc-provider', 'node'].filter((each) => names.has(each))).toEqual(
    [],
  )
  expect(components.filter(({ licenses, hashes }) => !licenses?.length || !hashes?.length)).toEqual([])
})
