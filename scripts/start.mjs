// `npm start`: installs what is missing, then serves. Arguments go to `flightgate serve`.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { environment, installPackages, nodeBinary, root } from './install.mjs'

installPackages()
const main = join(root, 'src', 'main.ts')
const server = spawn(nodeBinary, [main, 'serve', ...process.argv.slice(2)], { stdio: 'inherit', env: environment() })
// A terminal sends its signals to both; the server answers them, and this process ends as the server does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => server.kill(signal))
server.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGKILL' ? 137 : 143)
})
