import { diagnose } from '../gateway/diagnose.ts'
import { createLogger } from '../ops/log.ts'
import { ExitCode } from './exit-code.ts'
import { readConfig } from './read-config.ts'

const STEP_WIDTH = 10

/** Checks Redis and each configured source step by step and prints what to fix. The exit code is 1 if a step fails. */
export async function doctor(options: { config?: string; timeout: number }): Promise<void> {
  const config = readConfig(options)
  if (!config) return
  for (const warning of config.warnings) process.stdout.write(`warning: ${warning}\n`)
  const log = await createLogger({ ...config.log, level: 'silent', format: 'json' })
  const signal = AbortSignal.timeout(options.timeout * 1000)
  let current = ''
  let wrong = 0
  for await (const { source, where, step, ok, detail, advice } of diagnose(config, log, signal)) {
    if (current !== `${source} ${where}`) process.stdout.write(`\n${source} (${where})\n`)
    current = `${source} ${where}`
    process.stdout.write(`  ${ok ? 'ok  ' : 'FAIL'} ${step.padEnd(STEP_WIDTH)} ${detail}\n`)
    if (advice !== undefined) process.stdout.write(`       ${' '.repeat(STEP_WIDTH)} -> ${advice}\n`)
    if (!ok) wrong++
  }
  process.stdout.write(wrong === 0 ? '\nAll sources work.\n' : `\nFailed addresses: ${wrong}.\n`)
  process.exitCode = wrong === 0 ? ExitCode.ok : ExitCode.failed
}
