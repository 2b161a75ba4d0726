import type { Config } from '../config/config.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { ExitCode } from './exit-code.ts'

/** The configuration that a command is to use; undefined when it has problems, which are then printed. */
export function readConfig({ config: file }: { config?: string }): Config | undefined {
  try {
    return loadConfig({ ...(file !== undefined && { file }), env: process.env })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = ExitCode.failed
    return undefined
  }
}
