// `npm start`: installs what is missing, then serves. Arguments go to `flightgate serve`.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildCheckoutConsole } from './build-console.mjs'
import { environment, installPackages, nodeBinary, root } from './install.mjs'

/** Within this time the same signal is a duplicate: npm forwards a signal that the terminal also sent to this process. */
const ECHO_MS = 250

installPackages()
await buildCheckoutConsole()
// With its own process group the server does not get a terminal's Ctrl-C twice, which would end it without draining.
const guard = pathToFileURL(join(root, 'scripts', 'end-with-starter.mjs')).href
const main = join(root, 'src', 'main.ts')
const server = spawn(nodeBinary, ['--import', guard, main, 'serve', ...process.argv.slice(2)], {
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  env: environment(),
  detached: true,
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  let sentAt = Number.NEGATIVE_INFINITY
  process.on(signal, () => {
    const now = performance.now()
    if (now - sentAt < ECHO_MS) return
    sentAt = now
    // The server handles SIGTERM and SIGINT; a closing terminal (SIGHUP) makes it drain too.
    server.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal)
  })
}
server.on('error', (error) => {
  process.stderr.write(`${nodeBinary} does not start: ${error.message}\n`)
  process.exitCode = 1
})
server.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal]
})
