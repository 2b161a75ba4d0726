// `npm run build`: the sources as plain JavaScript in dist/, for the published package.
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildConsole } from './build-console.mjs'
import { environment, installPackages, root } from './install.mjs'

installPackages()
rmSync(join(root, 'dist'), { recursive: true, force: true })
const tsc = join(root, 'node_modules', '.bin', 'tsc')
const { status } = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit', env: environment() })
if (status === 0) {
  chmodSync(join(root, 'dist', 'src', 'main.js'), 0o755)
  await buildConsole(join(root, 'dist', 'console'))
}
process.exitCode = status ?? 1
