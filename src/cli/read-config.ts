import type { Config } from '../config/config.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { ExitCode } from './exit-code.ts'

/** What a command says of its configuration. */
export interface ConfigOptions {
  readonly config?: string
  readonly workers?: number
}

/**
 * Loads the configuration of a command.
 * @param isReload as `ConfigOrigin.isReload`
 * @throws ConfigError
 */
export function loadConfigOf({ config: file, workers }: ConfigOptions, isReload = false): Config {
  const env = workers === undefined ? process.env : { ...process.env, FLIGHTGATE_WORKERS: String(workers) }
  return loadConfig({ ...(file !== undefined && { file }), env, isReload })
}

/** Loads the configuration of a command. If it has problems, prints them, sets the exit code and returns undefined. */
export function readConfig(options: ConfigOptions): Config | undefined {
  try {
    return loadConfigOf(options)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = ExitCode.failed
    return undefined
  }
}
