import { stringify } from 'yaml'
import { redactConfig } from '../config/redact.ts'
import { difference } from '../config/reload/difference.ts'
import { changesText } from './changes-text.ts'
import { ExitCode } from './exit-code.ts'
import { readConfig } from './read-config.ts'

/**
 * Prints the effective settings, or all problems, and sets the exit code.
 * @param options with `diff`, the file of another configuration: prints what would change if this one replaced it
 */
export function checkConfig({ config: file, diff }: { config?: string; diff?: string }): void {
  const config = readConfig(file === undefined ? {} : { config: file })
  if (!config) return
  if (diff !== undefined) {
    const other = readConfig({ config: diff })
    if (!other) return
    const changes = difference(other, config)
    process.stdout.write(changesText(changes))
    if (changes.length > 0)
      process.exitCode = changes.some(({ needsRestart }) => needsRestart) ? ExitCode.needsRestart : ExitCode.differs
    return
  }
  process.stdout.write(
    `${config.warnings.map((each) => `# warning: ${each}\n`).join('')}# the configuration is valid\n`,
  )
  process.stdout.write(stringify(redactConfig(config)))
}
