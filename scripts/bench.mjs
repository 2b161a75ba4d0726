// `npm run bench -- NAME`: installs what the benchmarks need, then runs bench/NAME.ts. Results go to bench/results/.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  buildGoProgram,
  environment,
  installGoTools,
  installPackages,
  installPython,
  nodeBinary,
  root,
} from './install.mjs'

const [name, ...rest] = process.argv.slice(2)
const folder = join(root, 'bench')
const file = join(folder, `${name}.ts`)
if (name === undefined || !existsSync(file)) {
  const known = readdirSync(folder).filter((each) => each.endsWith('.ts'))
  process.stderr.write(`npm run bench -- NAME, one of: ${known.map((each) => each.replace('.ts', '')).join(', ')}\n`)
  process.exit(2)
}
installPackages()
installPython()
installGoTools()
buildGoProgram('grpc_relay', join(root, 'bench', 'go', 'relay'))
buildGoProgram('prepared_rounds', join(root, 'bench', 'go', 'prepared'))
const { status } = spawnSync(nodeBinary, [file, ...rest], { cwd: root, stdio: 'inherit', env: environment() })
process.exitCode = status ?? 1
