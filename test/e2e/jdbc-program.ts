import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('../../.cache/java', import.meta.url))

/** Whether a program of test/java is compiled and the drivers are there; prints a note if not, and fails in CI. */
export function hasJdbcProgram(program: string): boolean {
  if (existsSync(join(folder, `${program}.class`))) return true
  if (process.env['CI'] === 'true') throw new Error('the JDBC drivers are missing: run npm test')
  process.stderr.write(`skipped: ${program} or the JDBC drivers are missing (npm test installs them)\n`)
  return false
}

/** Runs a program of test/java with a version of the driver; returns the results of its steps by name; `timezone` is that of the JVM. */
export async function runJdbc(
  program: string,
  version: string,
  args: readonly string[],
  timezone = 'UTC',
): Promise<Readonly<Record<string, string>>> {
  const classpath = `${folder}:${join(folder, `flight-sql-jdbc-driver-${version}.jar`)}`
  const options = ['--add-opens=java.base/java.nio=ALL-UNNAMED', `-Duser.timezone=${timezone}`, '-cp', classpath]
  const { stdout } = await run('java', [...options, program, ...args], { maxBuffer: 64 << 20 })
  const lines = stdout.split('\n').filter((line) => line.includes(' = '))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(' = ')), line.slice(line.indexOf(' = ') + 3)]),
  )
}
