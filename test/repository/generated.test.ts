import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { staleGeneratedFiles } from '../../scripts/check-generated.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const hasGo = spawnSync('go', ['version']).status === 0
if (!hasGo && process.env['CI'] === 'true') throw new Error('Go is missing')
if (!hasGo) process.stderr.write('skipped: the package of the Go example needs Go to be generated again\n')

it('gen/ matches what buf generates from proto/', () => {
  expect(staleGeneratedFiles()).toEqual([])
})

// Go may have to fetch and build the plugins.
it.runIf(hasGo)('the package of the Go example matches what buf generates from proto/', { timeout: 180_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-go-'))
  const command = ['generate', '--template', 'examples/go/buf.gen.yaml', '--output', folder]
  execFileSync(join(root, 'node_modules', '.bin', 'buf'), command, { cwd: root, stdio: 'pipe' })
  const generated = 'examples/go/flightgate/v1'
  const files = readdirSync(join(root, generated)).sort()
  expect(readdirSync(join(folder, generated)).sort()).toEqual(files)
  for (const file of files)
    expect(readFileSync(join(root, generated, file), 'utf8'), 'buf generate --template examples/go/buf.gen.yaml').toBe(
      readFileSync(join(folder, generated, file), 'utf8'),
    )
  rmSync(folder, { recursive: true, force: true })
})
