import type { ChildProcess } from 'node:child_process'
import { afterAll } from 'vitest'

const running = new Map<ChildProcess, { readonly group: boolean }>()

/** Ends the process when the file's tests are over, for a test that fails before it does so; `group` ends its whole group. */
export function endWithTests(child: ChildProcess, group = false): void {
  running.set(child, { group })
  child.once('exit', () => running.delete(child))
}

function endAll(): void {
  for (const [child, { group }] of running)
    try {
      process.kill(group ? -child.pid! : child.pid!, 'SIGKILL')
    } catch {
      // It has just ended.
    }
}

// The worker of a test run that is broken off ends without its hooks, by a signal.
process.once('exit', endAll)
process.once('SIGTERM', () => process.exit(143))
afterAll(endAll)
