import { createRequire } from 'node:module'

/** How the process is to end. */
export interface ProcessEnd {
  readonly code: number
  /** Whether threads may be at work in native code, which an ordinary exit would wait for. */
  readonly hasActiveThreads: boolean
}

/** Ends the process, with the log written; threads that are still at work are cut off. */
export function exitProcess({ code, hasActiveThreads }: ProcessEnd): never {
  // Last of the listeners: those before it write what is left of the log.
  if (hasActiveThreads) process.once('exit', () => endAtOnce(code))
  process.exit(code)
}

/** The system's own end of a process, which waits for nothing. */
function endAtOnce(code: number): void {
  // Only a process with such threads needs koffi.
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
  const libc = koffi.load(process.platform === 'win32' ? 'msvcrt.dll' : null)
  libc.func('void _exit(int)')(code)
}
