import { createRequire } from 'node:module'

/** How to end the process. */
export interface ProcessEnd {
  readonly code: number
  /** Whether threads may run native code, for which `process.exit` would wait. */
  readonly hasActiveThreads: boolean
}

/** Writes the rest of the log and ends the process, without waiting for running threads. */
export function exitProcess({ code, hasActiveThreads }: ProcessEnd): never {
  // Runs after the earlier exit listeners, which write the rest of the log.
  if (hasActiveThreads) process.once('exit', () => endAtOnce(code))
  process.exit(code)
}

/** Calls the operating system's `_exit`, which does not wait for threads. */
function endAtOnce(code: number): void {
  // Load koffi here, since only processes with such threads need it.
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
  const libc = koffi.load(process.platform === 'win32' ? 'msvcrt.dll' : null)
  libc.func('void _exit(int)')(code)
}
