import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runFlightgate } from '../cli/run-flightgate.ts'

const cwd = fileURLToPath(new URL('../..', import.meta.url))

/** Runs `flightgate check-config` on a configuration. @returns its exit code and what it printed */
export async function checkConfig(folder: string, text: string, env: Readonly<Record<string, string>>) {
  const file = join(folder, 'flightgate.yaml')
  writeFileSync(file, text)
  const { code, stdout, stderr } = await runFlightgate(['check-config', '--config', file], { cwd, input: '', env })
  return { code, output: stdout + stderr }
}
