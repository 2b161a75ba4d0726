// `npm test`: installs what the tests need, then runs vitest. Arguments go to vitest.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  buildGoProgram,
  cache,
  checkChromium,
  environment,
  installGoTools,
  installJava,
  installLocalBigQuery,
  installPackages,
  installPromtool,
  installPython,
  nodeBinary,
  root,
} from './install.mjs'

installPackages()
installPython()
installGoTools()
installJava()
installLocalBigQuery()
installPromtool()
checkChromium()
buildGoProgram('adbc_validation', join(root, 'test', 'go', 'validation'), ['test', '-c'])
buildGoProgram('types', join(root, 'test', 'go', 'types'))
buildGoProgram('gateway_example', join(root, 'examples', 'go'))
// ADBC's own test server cannot be installed directly: a module of this repository pins its version.
const testServer = 'github.com/apache/arrow-adbc/go/adbc/driver/flightsql/cmd/testserver'
buildGoProgram('adbc_testserver', join(root, 'test', 'go', 'testserver'), ['build'], testServer)
// The HTTP/2 conformance suite does not pin its dependencies either.
const h2spec = 'github.com/summerwind/h2spec/cmd/h2spec'
buildGoProgram('h2spec', join(root, 'test', 'go', 'conformance'), ['build'], h2spec)

mkdirSync(cache, { recursive: true })
const report = join(cache, 'vitest.json')
rmSync(report, { force: true })
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const { status } = spawnSync(nodeBinary, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: environment(),
})
try {
  const results = JSON.parse(readFileSync(report, 'utf8'))
  // A file that cannot be loaded has no tests, and counts as a failure.
  const brokenFiles = results.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  )
  const failed = results.numFailedTests + brokenFiles.length
  process.stdout.write(
    `\n${results.numPassedTests} passed, ${failed} failed, ${results.numPendingTests + results.numTodoTests} skipped\n`,
  )
} catch {
  process.stdout.write('\n0 passed, 1 failed, 0 skipped\n')
}
process.exitCode = status ?? 1
// After a complete run that passed, docs/clients.md must match its results.
if (status === 0 && process.argv.length === 2 && process.env.CI === 'true') {
  const check = spawnSync(nodeBinary, [join(root, 'scripts', 'generate-client-docs.ts'), '--check'], {
    stdio: 'inherit',
  })
  process.exitCode = check.status ?? 1
}
