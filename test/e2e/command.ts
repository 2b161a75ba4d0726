import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { endWithTests } from './end-with-tests.ts'

/** A server started by its command line. */
export interface StartedServer {
  /** The command's own process, and its group when it was started `detached`. */
  readonly pid: number
  readonly flight: string
  readonly http: string
  /** What it has written to standard output so far, line by line. */
  readonly lines: readonly string[]
  /** Its exit code; 255 when a signal ended it. */
  readonly exited: Promise<number>
  /** Ends it; answers with its exit code. */
  stop(): Promise<number>
}

/** Starts a command that serves, and waits for its line that says so. `detached` gives it a process group of its own. */
export async function startCommand(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
  detached = false,
): Promise<StartedServer> {
  const child = spawn(command, args, { cwd, env, detached, stdio: ['ignore', 'pipe', 'inherit'] })
  endWithTests(child, detached)
  const lines: string[] = []
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 255)))
  const ready = new Promise<Record<string, unknown>>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line)
      if (line.includes('"event":"ready"')) resolve(JSON.parse(line))
    })
  })
  const line = await Promise.race([
    ready,
    exited.then((code) => {
      throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
    }),
  ])
  return {
    pid: child.pid!,
    flight: line['flight'] as string,
    http: line['http'] as string,
    lines,
    exited,
    stop: () => {
      child.kill('SIGTERM')
      return exited
    },
  }
}
