// `npm run sbom`: the software bill of materials of the published package as CycloneDX JSON, on standard output or in the file
// that is given. It lists what package-lock.json pins, without what only development needs.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

// Without --omit dev, which leaves out dependencies that packages of development have as peers.
const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only']
const { status, stdout } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
if (status !== 0) process.exit(status ?? 1)
const bill = JSON.parse(stdout)
/** Packages of development that the build bundles into the files of the console. */
const bundled = ['preact', '@preact/signals', '@preact/signals-core', 'uplot']
const isOfDevelopment = ({ name: component, properties = [] }) =>
  !bundled.includes(component) &&
  properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true')
const left = new Set(bill.components.filter(isOfDevelopment).map((component) => component['bom-ref']))
bill.components = bill.components.filter((component) => !left.has(component['bom-ref']))
bill.dependencies = bill.dependencies
  .filter(({ ref }) => !left.has(ref))
  .map((each) => ({ ...each, dependsOn: each.dependsOn?.filter((ref) => !left.has(ref)) }))
const { name, version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
// npm names the folder, which differs from machine to machine.
const { 'bom-ref': before } = bill.metadata.component
const reference = `${name}@${version}`
Object.assign(bill.metadata.component, {
  'bom-ref': reference,
  name,
  version,
  description,
  purl: `pkg:npm/${reference}`,
})
for (const dependency of bill.dependencies) if (dependency.ref === before) dependency.ref = reference
const text = `${JSON.stringify(bill, null, 2)}\n`
const [file] = process.argv.slice(2)
if (file) writeFileSync(file, text)
else process.stdout.write(text)
