import type { ChildProcess } from 'node:child_process'
import { afterAll } from 'vitest'

const running = new Map<ChildProcess, { readonly group: boolean }>()

/** Ends the process after the file's tests, in case a failed test did not; `group` ends its whole process group. */
export function endWithTests(child: ChildProcess, group = false): void {
  running.set(child, { group })
  child.once('exit', () => running.delete(child))
}

function endAll(): void {
  for (const [child, { group }] of running)
    try {
      process.kill(group ? -child.pid! : child.pid!, 'SIGKILL')
    } catch {
      // The process has just ended.
    }
}

// An interrupted test run ends its worker by a signal, without hooks.
process.once('exit', endAll)
process.once('SIGTERM', () => process.exit(143))
afterAll(endAll)
