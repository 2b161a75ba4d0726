import { stringify } from 'yaml'
import { redactConfig } from '../config/redact.ts'
import { readConfig } from './read-config.ts'

/** Prints the effective settings, or all problems, and sets the exit code. */
export function checkConfig(options: { config?: string }): void {
  const config = readConfig(options)
  if (!config) return
  process.stdout.write(
    `${config.warnings.map((each) => `# warning: ${each}\n`).join('')}# the configuration is valid\n`,
  )
  process.stdout.write(stringify(redactConfig(config)))
}
