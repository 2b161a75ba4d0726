import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const fetched = fileURLToPath(new URL('../../.cache/bin/promtool', import.meta.url))

/** Whether there is a promtool; prints a note if not, and fails in CI. */
export function hasPromtool(): boolean {
  if (findPromtool() !== undefined) return true
  if (process.env['CI'] === 'true') throw new Error('promtool is missing: run npm test')
  process.stderr.write('skipped: promtool is missing (npm test fetches it where apt is)\n')
  return false
}

/** Runs promtool. @throws Error with its output if it fails */
export function promtool(...args: string[]): string {
  return execFileSync(findPromtool()!, args, { encoding: 'utf8', stdio: 'pipe' })
}

function findPromtool(): string | undefined {
  if (existsSync(fetched)) return fetched
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' })
    return 'promtool'
  } catch {
    return undefined
  }
}
