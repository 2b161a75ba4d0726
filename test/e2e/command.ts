import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { endWithTests } from './end-with-tests.ts'

/** A server started from the command line. */
export interface StartedServer {
  /** The command's own process, and its group when it was started `detached`. */
  readonly pid: number
  readonly flight: string
  readonly http: string
  /** Lines written to standard output so far. */
  readonly lines: readonly string[]
  /** The exit code; 255 when a signal ended the process. */
  readonly exited: Promise<number>
  /** Stops the server; returns its exit code. */
  stop(): Promise<number>
}

/** Starts a serving command, and waits for its ready line. `detached` gives it its own process group. */
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
