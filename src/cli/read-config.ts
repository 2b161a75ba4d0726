import type { Config } from '../config/config.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { ExitCode } from './exit-code.ts'

/** Loads the configuration of a command. If it has problems, prints them, sets the exit code and returns undefined. */
export function readConfig({ config: file, workers }: { config?: string; workers?: number }): Config | undefined {
  const env = workers === undefined ? process.env : { ...process.env, FLIGHTGATE_WORKERS: String(workers) }
  try {
    return loadConfig({ ...(file !== undefined && { file }), env })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = ExitCode.failed
    return undefined
  }
}
